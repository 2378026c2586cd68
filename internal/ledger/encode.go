package ledger

import (
	"encoding/json"
	"errors"
)

// Errors of Decode.
var (
	// ErrNewer: a newer version wrote the ledger. It must not be overwritten.
	ErrNewer = errors.New("ledger has the schema of a newer version")
	// ErrDamaged: this is no ledger, or no longer.
	ErrDamaged = errors.New("ledger is damaged")
)

// Decode reads a ledger that Encode wrote. Its error is ErrNewer or ErrDamaged,
// or wraps one of them; none quotes the data.
func Decode(data []byte) (Ledger, error) {
	var l Ledger
	if err := json.Unmarshal(data, &l); err != nil {
		return Ledger{}, ErrDamaged
	}
	return l, nil
}

// Encode writes a ledger as JSON with a line break at its end. Equal ledgers
// give equal bytes.
func (l Ledger) Encode() []byte {
	l.SchemaVersion = SchemaVersion
	data, err := json.Marshal(l)
	if err != nil {
		panic("ledger: " + err.Error())
	}
	return append(data, '\n')
}
