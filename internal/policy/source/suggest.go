package source

import "strings"

// Suggest gives ", did you mean X?" where one of choices is much like word,
// otherwise nothing.
func Suggest(word string, choices []string) string {
	best, least := "", min(3, max(1, len(word)/2))+1
	for _, c := range choices {
		if d := distance(strings.ToLower(word), strings.ToLower(c)); d < least {
			best, least = c, d
		}
	}
	if best == "" {
		return ""
	}
	return ", did you mean " + best + "?"
}

// distance is how many runes must be added, dropped or replaced to make b of a.
func distance(a, b string) int {
	to := []rune(b)
	row := make([]int, len(to)+1)
	for j := range row {
		row[j] = j
	}
	for i, r := range []rune(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range to {
			replaced := diagonal
			if r != to[j] {
				replaced++
			}
			diagonal = row[j+1]
			row[j+1] = min(replaced, row[j]+1, diagonal+1)
		}
	}
	return row[len(to)]
}
