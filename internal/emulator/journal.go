package emulator

import "slices"

// journalLimit is how many calls are remembered, so that an emulator that
// runs for weeks does not grow.
const journalLimit = 10_000

// Call is one call that was made, for tests.
type Call struct {
	Operation string
	Account   string
	Region    string
	// Prefix is the rule that the call named; empty if it named none.
	Prefix string
	// Code is the error of the answer; empty if the call succeeded.
	Code string
}

// journal counts calls and remembers the latest.
type journal struct {
	calls    []Call
	count    map[string]int
	underWay map[string]int
	peak     map[string]int
}

func newJournal() journal {
	return journal{count: map[string]int{}, underWay: map[string]int{}, peak: map[string]int{}}
}

func (j *journal) begin(c *call) {
	op := c.operation.name
	j.count[op]++
	j.underWay[op]++
	j.peak[op] = max(j.peak[op], j.underWay[op])
}

func (j *journal) end(c *call, code string) {
	j.underWay[c.operation.name]--
	if len(j.calls) == journalLimit {
		j.calls = slices.Delete(j.calls, 0, journalLimit/2)
	}
	j.calls = append(j.calls, Call{
		Operation: c.operation.name,
		Account:   c.account,
		Region:    c.region,
		Prefix:    c.text("ecrRepositoryPrefix"),
		Code:      code,
	})
}

// Calls lists the calls that were answered, oldest first: the last ten
// thousand at most. A call whose connection was cut has the code "NoAnswer",
// one that its caller gave up "RequestCanceled".
func (e *Emulator) Calls() []Call {
	e.mu.Lock()
	defer e.mu.Unlock()
	return slices.Clone(e.journal.calls)
}

// Count is how often an operation was called, for example
// "ValidatePullThroughCacheRule".
func (e *Emulator) Count(operation string) int {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.journal.count[operation]
}

// Peak is the largest number of calls of an operation at the same time.
func (e *Emulator) Peak(operation string) int {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.journal.peak[operation]
}
