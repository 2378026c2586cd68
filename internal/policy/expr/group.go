package expr

import (
	"crypto/sha256"
	"encoding/hex"
	"reflect"
	"slices"
	"strings"
	"sync"

	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/common/types/traits"
)

// group is a sorted list of prefixes that the rules of the group share.
type group struct {
	prefixes []string
	values   []ref.Val
	bytes    int // of all prefixes
	// digest identifies the list. All rules of a group have it in their facts:
	// the list itself would take memory that is quadratic in their number.
	digest func() string
}

// newGroup takes prefixes and sorts them.
func newGroup(prefixes []string) *group {
	slices.Sort(prefixes)
	g := &group{prefixes: prefixes, values: make([]ref.Val, len(prefixes))}
	for i, p := range prefixes {
		g.values[i] = types.String(p)
		g.bytes += len(p)
	}
	g.digest = sync.OnceValue(func() string {
		sum := sha256.Sum256([]byte(strings.Join(g.prefixes, "\x00")))
		return hex.EncodeToString(sum[:])
	})
	return g
}

// groups makes groups of lists of prefixes.
func groups[K comparable](lists map[K][]string) map[K]*group {
	out := make(map[K]*group, len(lists))
	for key, prefixes := range lists {
		out[key] = newGroup(prefixes)
	}
	return out
}

// without is a group's list of prefixes without one of them.
func (g *group) without(self string) ref.Val {
	if g == nil {
		g = newGroup(nil)
	}
	i, found := slices.BinarySearch(g.prefixes, self)
	if !found {
		i = len(g.prefixes)
	}
	return &others{g, i}
}

// others is a list: the prefixes of a group, without the one at index self. It
// takes no memory per prefix, and finds a prefix without a loop.
type others struct {
	group *group
	self  int
}

var _ traits.Lister = (*others)(nil)

// list is the same list as CEL's own type.
func (o *others) list() traits.Lister {
	prefixes := slices.Clone(o.group.prefixes)
	if o.self < len(prefixes) {
		prefixes = slices.Delete(prefixes, o.self, o.self+1)
	}
	return types.NewStringList(types.DefaultTypeAdapter, prefixes)
}

func (o *others) size() int {
	if o.self < len(o.group.prefixes) {
		return len(o.group.prefixes) - 1
	}
	return len(o.group.prefixes)
}

// bytes is the size of the prefixes as a text, at most.
func (o *others) bytes(separator int) int {
	return o.group.bytes + separator*len(o.group.prefixes)
}

// at is the element at an index that is in range.
func (o *others) at(i int) ref.Val {
	if i >= o.self {
		i++
	}
	return o.group.values[i]
}

// ConvertToNative implements ref.Val.
func (o *others) ConvertToNative(t reflect.Type) (any, error) { return o.list().ConvertToNative(t) }

// ConvertToType implements ref.Val.
func (o *others) ConvertToType(t ref.Type) ref.Val { return o.list().ConvertToType(t) }

// Equal implements ref.Val.
func (o *others) Equal(other ref.Val) ref.Val { return o.list().Equal(other) }

// Type implements ref.Val.
func (o *others) Type() ref.Type { return types.ListType }

// Value implements ref.Val.
func (o *others) Value() any { return o.list().Value() }

// Add implements traits.Adder.
func (o *others) Add(other ref.Val) ref.Val { return o.list().Add(other) }

// Contains implements traits.Container.
func (o *others) Contains(element ref.Val) ref.Val {
	prefix, ok := element.(types.String)
	if !ok {
		return o.list().Contains(element)
	}
	i, found := slices.BinarySearch(o.group.prefixes, string(prefix))
	return types.Bool(found && i != o.self)
}

// Get implements traits.Indexer.
func (o *others) Get(index ref.Val) ref.Val {
	if i, ok := index.(types.Int); ok && i >= 0 && int(i) < o.size() {
		return o.at(int(i))
	}
	return o.list().Get(index) // another number, or an error
}

// Size implements traits.Sizer.
func (o *others) Size() ref.Val { return types.Int(o.size()) }

// Iterator implements traits.Iterable.
func (o *others) Iterator() traits.Iterator {
	return &iterator{Val: o, list: o}
}

// iterator goes through others. CEL wants it to be a value too.
type iterator struct {
	ref.Val
	list *others
	next int
}

// HasNext implements traits.Iterator.
func (i *iterator) HasNext() ref.Val { return types.Bool(i.next < i.list.size()) }

// Next implements traits.Iterator.
func (i *iterator) Next() ref.Val {
	if i.next >= i.list.size() {
		return nil
	}
	i.next++
	return i.list.at(i.next - 1)
}
