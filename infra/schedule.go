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

// schedule is how often everything is audited, as EventBridge Scheduler reads
// it: https://docs.aws.amazon.com/scheduler/latest/UserGuide/schedule-types.html
type schedule struct {
	expression string
	// gap is the longest time between two audits.
	gap time.Duration
}

// The heartbeat alarm goes off where no audit succeeded within so many
// schedules: one may be lost without waking anybody, two may not.
const heartbeatSchedules = 2.5

// maxHeartbeatHours is how far back an alarm with periods of an hour can look:
// https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarm-evaluation.html
const maxHeartbeatHours = 7 * 24

// heartbeatHours is how many hours may pass without an audit that succeeded.
func (s schedule) heartbeatHours() int {
	return int(math.Ceil(heartbeatSchedules * s.gap.Hours()))
}

// remindAfter is when a failure that goes on is said again: after a week, by
// the audit that comes nearest to it.
func (s schedule) remindAfter() time.Duration {
	return config.DefaultRemindAfter - s.gap/2
}

var (
	rate = regexp.MustCompile(`^rate\(([1-9][0-9]{0,4}) (minute|hour|day)(s?)\)$`)
	cron = regexp.MustCompile(`^cron\((.*)\)$`)
)

// parseSchedule reads rate(…) or cron(…), and refuses what is too slow for the
// heartbeat.
func parseSchedule(value string) (schedule, error) {
	s := schedule{expression: value}
	if m := rate.FindStringSubmatch(value); m != nil {
		n, _ := strconv.Atoi(m[1]) // the pattern admits only numbers
		if (n == 1) != (m[3] == "") {
			return schedule{}, fmt.Errorf("%q: write the unit in the singular for 1, otherwise in the plural", value)
		}
		unit := map[string]time.Duration{"minute": time.Minute, "hour": time.Hour, "day": 24 * time.Hour}[m[2]]
		s.gap = time.Duration(n) * unit
	} else if m := cron.FindStringSubmatch(value); m != nil {
		gap, err := longestGap(strings.Fields(m[1]))
		if err != nil {
			return schedule{}, fmt.Errorf("%q: %w", value, err)
		}
		s.gap = gap
	} else {
		return schedule{}, fmt.Errorf("%q: write rate(6 hours) or cron(0 6 * * ? *)", value)
	}
	if hours := s.heartbeatHours(); hours > maxHeartbeatHours {
		return schedule{}, fmt.Errorf("%q audits as seldom as every %v hours: the heartbeat alarm would look back %v × that, %d hours, and CloudWatch lets an alarm look back %d; audit at least every %d hours",
			value, s.gap.Hours(), heartbeatSchedules, hours, maxHeartbeatHours, int(math.Floor(maxHeartbeatHours/heartbeatSchedules)))
	}
	return s, nil
}

// cronField is one of the fields of a cron expression.
type cronField struct {
	name      string
	low, high int
	names     []string // of the values from low on
}

var (
	cronMinutes = cronField{name: "minutes", high: 59}
	cronHours   = cronField{name: "hours", high: 23}
	cronDays    = cronField{name: "day of month", low: 1, high: 31}
	cronMonths  = cronField{name: "month", low: 1, high: 12, names: strings.Fields("JAN FEB MAR APR MAY JUN JUL AUG SEP OCT NOV DEC")}
	cronWeek    = cronField{name: "day of week", low: 1, high: 7, names: strings.Fields("SUN MON TUE WED THU FRI SAT")}
)

// longestGap is the longest time between two firings of a cron expression, in
// its own time zone. What daylight saving adds, heartbeatSchedules covers.
func longestGap(fields []string) (time.Duration, error) {
	if len(fields) != 6 {
		return 0, fmt.Errorf("cron has 6 fields (minutes, hours, day of month, month, day of week, year), not %d", len(fields))
	}
	if (fields[2] == "?") == (fields[4] == "?") {
		return 0, errors.New("exactly one of day of month and day of week must be ?")
	}
	if fields[5] != "*" {
		return 0, errors.New("the year must be *: a schedule that ends leaves the registry unaudited")
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

	var times []time.Duration // of a day on which it fires
	for m := range 24 * 60 {
		if hours[m/60] && minutes[m%60] {
			times = append(times, time.Duration(m)*time.Minute)
		}
	}
	var longest time.Duration
	for i := range times[1:] {
		longest = max(longest, times[i+1]-times[i])
	}
	// The calendar repeats after 28 years, as long as no century is passed.
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
		return 0, errors.New("it never fires")
	}
	return longest, nil
}

// parse gives the values that a field stands for.
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

// parsePart reads *, ?, N, N-M, and each with /STEP. L, W and # are refused:
// what needs them fires too seldom for the heartbeat.
func (f cronField) parsePart(part string) (low, high, step int, err error) {
	span, by, stepped := strings.Cut(part, "/")
	step = 1
	if stepped {
		if step, err = strconv.Atoi(by); err != nil || step < 1 {
			return 0, 0, 0, fmt.Errorf("step %q is no number above zero", by)
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
		return 0, 0, 0, fmt.Errorf("%q ends before it begins", span)
	}
	return low, high, step, nil
}

func (f cronField) value(text string) (int, error) {
	if i := slices.Index(f.names, strings.ToUpper(text)); i >= 0 {
		return f.low + i, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < f.low || n > f.high {
		return 0, fmt.Errorf("%q is no value from %d to %d", text, f.low, f.high)
	}
	return n, nil
}
