// Package suggest helps a user who wrote an unknown word: it finds the name that
// was probably meant, and lists the names to choose from. It imports no other
// package of ptcaudit.
package suggest

import (
	"cmp"
	"slices"
	"strings"
)

// Hint is ", did you mean X?" if one of the choices is close to the word, and
// empty otherwise. Upper and lower case are equal.
func Hint(word string, choices []string) string {
	best, least := "", min(3, max(1, len(word)/2))+1
	for _, c := range choices {
		if d, _ := distance(word, c); d < least {
			best, least = c, d
		}
	}
	if best == "" {
		return ""
	}
	return ", did you mean " + best + "?"
}

// Nearest is the choice that the word was most likely meant to be. It prefers
// a choice that starts like the word, so that a name cut short finds the whole
// name. Upper and lower case are equal. There must be at least one choice.
func Nearest(word string, choices []string) string {
	return slices.MinFunc(choices, func(a, b string) int {
		whole, start := distance(word, a)
		otherWhole, otherStart := distance(word, b)
		return cmp.Or(start-otherStart, whole-otherWhole)
	})
}

// OneOf lists the choices for a message: "a, b or c".
func OneOf[T ~string](choices []T) string {
	var b strings.Builder
	for i, c := range choices {
		switch {
		case i == 0:
		case i == len(choices)-1:
			b.WriteString(" or ")
		default:
			b.WriteString(", ")
		}
		b.WriteString(string(c))
	}
	return b.String()
}

// distance counts the runes to add, drop or replace to turn a into b: into all
// of b, and into the start of b that needs the fewest.
func distance(a, b string) (whole, start int) {
	to := []rune(strings.ToLower(b))
	row := make([]int, len(to)+1)
	for j := range row {
		row[j] = j
	}
	for i, r := range []rune(strings.ToLower(a)) {
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
	return row[len(to)], slices.Min(row)
}
