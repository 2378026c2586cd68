package main

import (
	"errors"
	"fmt"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"ptcaudit/internal/config"
)

// schedule is how often all rules are audited, in the syntax of EventBridge
// Scheduler: https://docs.aws.amazon.com/scheduler/latest/UserGuide/schedule-types.html
type schedule struct {
	expression string
	// gap is the longest time between two audits, window included.
	gap time.Duration
	// windowMinutes is how much later than the expression says EventBridge
	// Scheduler may start an audit.
	windowMinutes int
}

// heartbeatSchedules is how many schedules may pass without a successful audit
// until the heartbeat alarm goes off. One failed audit is tolerated, two are not.
const heartbeatSchedules = 2.5

// maxHeartbeatHours is the longest evaluation of an alarm with periods of an hour:
// https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarm-evaluation.html
const maxHeartbeatHours = 7 * 24

// heartbeatHours is how many hours may pass without a successful audit.
func (s schedule) heartbeatHours() int {
	return int(math.Ceil(heartbeatSchedules * s.gap.Hours()))
}

// holdHours is how long an alarm about an audit stays on: longer than the longest
// time between two audits, so that it does not end before the next audit.
func (s schedule) holdHours() int {
	return int(math.Ceil(s.gap.Hours())) + 1
}

// remindAfter is the age of a notification at which a failure that persists is
// notified again: by the audit nearest to a week later.
func (s schedule) remindAfter() time.Duration {
	return config.DefaultRemindAfter - s.gap/2
}

var (
	rate = regexp.MustCompile(`^rate\(([1-9][0-9]{0,4}) (minute|hour|day)(s?)\)$`)
	cron = regexp.MustCompile(`^cron\((.*)\)$`)
)

// parseSchedule parses rate(…) or cron(…). It returns an error for a schedule that
// is too slow for the heartbeat alarm.
func parseSchedule(value string) (schedule, error) {
	s := schedule{expression: value}
	if m := rate.FindStringSubmatch(value); m != nil {
		n, _ := strconv.Atoi(m[1]) // the pattern matches only numbers
		if (n == 1) != (m[3] == "") {
			return schedule{}, fmt.Errorf("invalid unit in %q: use the singular for 1, otherwise the plural", value)
		}
		unit := map[string]time.Duration{"minute": time.Minute, "hour": time.Hour, "day": 24 * time.Hour}[m[2]]
		s.gap = time.Duration(n) * unit
	} else if m := cron.FindStringSubmatch(value); m != nil {
		gap, err := longestGap(strings.Fields(m[1]))
		if err != nil {
			return schedule{}, fmt.Errorf("invalid schedule %q: %w", value, err)
		}
		s.gap = gap
	} else {
		return schedule{}, fmt.Errorf("invalid schedule %q: use rate(…) or cron(…), for example rate(6 hours) or cron(0 6 * * ? *)", value)
	}
	if err := s.checkGap(); err != nil {
		return schedule{}, err
	}
	return s, nil
}

// checkGap returns an error for a schedule that is too slow for the heartbeat
// alarm.
func (s schedule) checkGap() error {
	if hours := s.heartbeatHours(); hours > maxHeartbeatHours {
		return fmt.Errorf("schedule %q has up to %v hours between two audits, and the heartbeat alarm would need %d hours of data, but CloudWatch supports %d: audit at least every %d hours",
			s.expression, s.gap.Hours(), hours, maxHeartbeatHours, int(math.Floor(maxHeartbeatHours/heartbeatSchedules)))
	}
	return nil
}

// within adds a window to the schedule. It returns an error if the window is longer
// than the time between two audits, or makes the schedule too slow.
func (s schedule) within(minutes int) (schedule, error) {
	window := time.Duration(minutes) * time.Minute
	if window > s.gap {
		return s, fmt.Errorf("%d minutes are longer than the time between two audits (%v): use at most %d", minutes, s.gap, int(s.gap.Minutes()))
	}
	s.windowMinutes = minutes
	s.gap += window
	return s, s.checkGap()
}

// cronField is one of the fields of a cron expression.
type cronField struct {
	name      string
	low, high int
	names     []string // names of the values, beginning with low
}

var (
	cronMinutes = cronField{name: "minutes", high: 59}
	cronHours   = cronField{name: "hours", high: 23}
	cronDays    = cronField{name: "day of month", low: 1, high: 31}
	cronMonths  = cronField{name: "month", low: 1, high: 12, names: strings.Fields("JAN FEB MAR APR MAY JUN JUL AUG SEP OCT NOV DEC")}
	cronWeek    = cronField{name: "day of week", low: 1, high: 7, names: strings.Fields("SUN MON TUE WED THU FRI SAT")}
)

// longestGap returns the longest time between two audits of a cron expression, in
// its own time zone. heartbeatSchedules leaves room for daylight saving time.
func longestGap(fields []string) (time.Duration, error) {
	if len(fields) != 6 {
		return 0, fmt.Errorf("it has %d fields: use 6 (minutes, hours, day of month, month, day of week, year)", len(fields))
	}
	if (fields[2] == "?") == (fields[4] == "?") {
		return 0, errors.New("day of month and day of week: set exactly one of them to ?")
	}
	if fields[5] != "*" {
		return 0, errors.New("the year must be *: after the last year nothing would be audited")
	}
	sets := make([]map[int]bool, 5)
	for i, f := range []cronField{cronMinutes, cronHours, cronDays, cronMonths, cronWeek} {
		set, err := f.parse(fields[i])
		if err != nil {
			return 0, err
		}
		sets[i] = set
	}
	minutes, hours, days, months, week := sets[0], sets[1], sets[2], sets[3], sets[4]

	var times []time.Duration // within a day on which it runs
	for m := range 24 * 60 {
		if hours[m/60] && minutes[m%60] {
			times = append(times, time.Duration(m)*time.Minute)
		}
	}
	var longest time.Duration
	for i := range times[1:] {
		longest = max(longest, times[i+1]-times[i])
	}
	// Within a century, the calendar repeats every 28 years.
	start := time.Date(2001, time.January, 1, 0, 0, 0, 0, time.UTC)
	var last time.Time
	for day := start; day.Year() < 2030; day = day.AddDate(0, 0, 1) {
		if !months[int(day.Month())] || !days[day.Day()] || !week[int(day.Weekday())+1] {
			continue
		}
		if !last.IsZero() {
			longest = max(longest, day.Add(times[0]).Sub(last))
		}
		last = day.Add(times[len(times)-1])
	}
	if last.IsZero() {
		return 0, errors.New("it never runs: use a date that exists")
	}
	return longest, nil
}

// parse returns the values of a field.
func (f cronField) parse(text string) (map[int]bool, error) {
	set := map[int]bool{}
	for part := range strings.SplitSeq(text, ",") {
		low, high, step, err := f.parsePart(part)
		if err != nil {
			return nil, fmt.Errorf("%s %q: %w", f.name, text, err)
		}
		for v := low; v <= high; v += step {
			set[v] = true
		}
	}
	return set, nil
}

// parsePart parses *, ?, N and N-M, each optionally with /STEP. It does not support
// L, W and #: such schedules are too slow for the heartbeat alarm.
func (f cronField) parsePart(part string) (low, high, step int, err error) {
	span, by, stepped := strings.Cut(part, "/")
	step = 1
	if stepped {
		if step, err = strconv.Atoi(by); err != nil || step < 1 {
			return 0, 0, 0, fmt.Errorf("invalid step %q: use a number above 0", by)
		}
	}
	if span == "*" || span == "?" {
		return f.low, f.high, step, nil
	}
	first, second, isRange := strings.Cut(span, "-")
	if low, err = f.value(first); err != nil {
		return 0, 0, 0, err
	}
	switch {
	case isRange:
		if high, err = f.value(second); err != nil {
			return 0, 0, 0, err
		}
	case stepped:
		high = f.high
	default:
		high = low
	}
	if low > high {
		return 0, 0, 0, fmt.Errorf("range %q ends before it begins: swap the values", span)
	}
	return low, high, step, nil
}

func (f cronField) value(text string) (int, error) {
	if i := slices.Index(f.names, strings.ToUpper(text)); i >= 0 {
		return f.low + i, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < f.low || n > f.high {
		return 0, fmt.Errorf("invalid value %q: use %d to %d", text, f.low, f.high)
	}
	return n, nil
}
