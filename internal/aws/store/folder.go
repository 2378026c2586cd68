package store

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"ptcaudit/internal/blob"
	"ptcaudit/internal/ptc"
)

// The steps in a folder, as a Fault names them.
const (
	opReadFile  = "ReadFile"
	opWriteFile = "WriteFile"
	opReadDir   = "ReadDir"
)

// Names that only the folder itself uses. No key can have them.
const (
	// lockName is locked during a write. It is never deleted: otherwise two
	// writers could lock two files of that name.
	lockName = ".lock"
	// newName is the file that a write creates, before it gets its final name. A
	// crash leaves at most this one.
	newName = ".new"
)

// Only the owner may read files and enter folders.
const (
	fileMode   = 0o600
	folderMode = 0o700
)

// lockInterval is how long to wait before trying to lock again. A write takes a
// few milliseconds.
const lockInterval = 2 * time.Millisecond

// folder is a blob.Store in a folder of a local file system. A version is the hash
// of the content, so there is no second file that could differ from the object.
// Each call opens the folder anew, and follows no link out of it.
type folder struct{ path string }

// Place is file:///folder/key.
func (f *folder) Place(key string) string {
	return (&url.URL{Scheme: "file", Path: filepath.ToSlash(f.path) + "/" + key}).String()
}

// Get reads a file. It needs no lock: a file is replaced whole.
func (f *folder) Get(ctx context.Context, key string) ([]byte, string, error) {
	if err := checkKey(key); err != nil {
		return nil, "", malformed(opReadFile, err)
	}
	if err := ctx.Err(); err != nil {
		return nil, "", f.fault(opReadFile, err)
	}
	root, err := os.OpenRoot(f.path)
	if err == nil {
		defer func() { _ = root.Close() }()
		var data []byte
		if data, err = f.read(root, key); err == nil {
			return data, versionOf(data), nil
		}
	}
	if errors.Is(err, fs.ErrNotExist) {
		return nil, "", blob.ErrNotFound
	}
	return nil, "", f.fault(opReadFile, err)
}

// errNotRegular is the cause of an error about what this package never writes.
var errNotRegular = errors.New("is not a regular file or folder: replace it by one")

func (f *folder) read(root *os.Root, key string) ([]byte, error) {
	if info, err := root.Lstat(key); err != nil {
		return nil, err
	} else if !info.Mode().IsRegular() && !info.IsDir() {
		return nil, fmt.Errorf("%s %w", key, errNotRegular) // to open a pipe may wait forever
	}
	file, err := root.Open(key)
	if err != nil {
		return nil, err
	}
	defer func() { _ = file.Close() }()
	data, err := io.ReadAll(io.LimitReader(file, blob.MaxSize+1))
	if err == nil && len(data) > blob.MaxSize {
		err = blob.TooLarge(f.Place(key))
	}
	return data, err
}

func versionOf(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}

// Put writes a file under a temporary name, syncs it to the disk, and then renames
// it to the key.
func (f *folder) Put(ctx context.Context, key string, data []byte, version string) (string, error) {
	if err := checkPut(key, f.Place(key), data); err != nil {
		return "", malformed(opWriteFile, err)
	}
	if err := ctx.Err(); err != nil {
		return "", f.fault(opWriteFile, err)
	}
	if err := makeFolder(f.path); err != nil {
		return "", f.fault(opWriteFile, err)
	}
	root, err := os.OpenRoot(f.path)
	if err != nil {
		return "", f.fault(opWriteFile, err)
	}
	defer func() { _ = root.Close() }()
	unlock, err := f.lock(ctx, root)
	if err != nil {
		return "", f.fault(opWriteFile, err)
	}
	defer unlock()

	current := ""
	switch found, err := f.read(root, key); {
	case err == nil:
		current = versionOf(found)
	case !errors.Is(err, fs.ErrNotExist):
		return "", f.fault(opWriteFile, err)
	}
	if current != version {
		return "", blob.ErrConflict
	}
	if err := write(root, key, data); err != nil {
		return "", f.fault(opWriteFile, err)
	}
	return versionOf(data), nil
}

// lock waits until no other process and no other goroutine writes into the
// folder.
func (f *folder) lock(ctx context.Context, root *os.Root) (unlock func(), err error) {
	ctx, cancel := context.WithTimeout(ctx, CallTimeout)
	defer cancel()
	file, err := root.OpenFile(lockName, os.O_CREATE|os.O_RDWR, fileMode)
	if err != nil {
		return nil, err
	}
	ticker := time.NewTicker(lockInterval)
	defer ticker.Stop()
	for {
		switch held, err := tryLock(file); {
		case err != nil:
			_ = file.Close()
			return nil, &fs.PathError{Op: "lock", Path: lockName, Err: err}
		case !held:
			return func() { _ = file.Close() }, nil // closing unlocks
		}
		select {
		case <-ctx.Done():
			_ = file.Close()
			return nil, fmt.Errorf("wait for another write to the folder: %w", ctx.Err())
		case <-ticker.C:
		}
	}
}

// write writes a file under its key. The caller holds the lock.
func write(root *os.Root, key string, data []byte) error {
	dir := path.Dir(key)
	if err := root.MkdirAll(dir, folderMode); err != nil {
		return err
	}
	if err := root.Remove(newName); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	file, err := root.OpenFile(newName, os.O_CREATE|os.O_EXCL|os.O_WRONLY, fileMode)
	if err != nil {
		return err
	}
	_, err = file.Write(data)
	if err == nil {
		err = file.Sync()
	}
	if closed := file.Close(); err == nil {
		err = closed
	}
	if err == nil {
		err = root.Rename(newName, key)
	}
	if err != nil {
		return err
	}
	// A new name is on the disk only after a sync of its folder. The folders may be
	// new, too.
	for {
		if err := syncFolder(root.Open, dir); err != nil || dir == "." {
			return err
		}
		dir = path.Dir(dir)
	}
}

// makeFolder makes a folder and its parents, and syncs them to the disk.
func makeFolder(name string) error {
	if _, err := os.Stat(name); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	above := filepath.Dir(name)
	if err := makeFolder(above); err != nil {
		return err
	}
	if err := os.Mkdir(name, folderMode); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return syncFolder(os.Open, above)
}

func syncFolder(open func(string) (*os.File, error), name string) error {
	dir, err := open(name)
	if err != nil {
		return err
	}
	defer func() { _ = dir.Close() }()
	return dir.Sync()
}

// List lists files in the order of their keys.
func (f *folder) List(ctx context.Context, prefix, after string) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		root, err := os.OpenRoot(f.path)
		if err == nil {
			defer func() { _ = root.Close() }()
			w := walk{f.path, root.FS(), prefix, after, yield}
			_, err = w.folder(ctx, ".")
		}
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			yield("", f.fault(opReadDir, err))
		}
	}
}

// walk visits the files of a tree in the order of their keys.
type walk struct {
	path          string
	tree          fs.FS
	prefix, after string
	yield         func(string, error) bool
}

// folder visits one folder. It reports whether to continue.
func (w walk) folder(ctx context.Context, dir string) (bool, error) {
	if err := ctx.Err(); err != nil {
		return false, err
	}
	entries, err := fs.ReadDir(w.tree, dir)
	if err != nil {
		return false, err
	}
	// The keys in a folder begin with its name and a slash. Some characters sort
	// before the slash: "a-b" comes before "a/b".
	begin := func(e fs.DirEntry) string {
		key := path.Join(dir, e.Name())
		if e.IsDir() {
			key += "/"
		}
		return key
	}
	slices.SortFunc(entries, func(a, b fs.DirEntry) int { return cmp.Compare(begin(a), begin(b)) })
	for _, e := range entries {
		key, goOn := begin(e), true
		switch {
		case e.IsDir():
			within := strings.HasPrefix(key, w.prefix) || strings.HasPrefix(w.prefix, key)
			passed := key < w.after && !strings.HasPrefix(w.after, key)
			if within && !passed && !strings.HasPrefix(e.Name(), ".") {
				goOn, err = w.folder(ctx, path.Join(dir, e.Name()))
			}
		case checkKey(key) != nil || key <= w.after:
		case w.isFolder(e, key) && (strings.HasPrefix(key, w.prefix) || strings.HasPrefix(w.prefix, key+"/")):
			err = fmt.Errorf("%s is a link to a folder: it %w", key, errNotRegular)
		case strings.HasPrefix(key, w.prefix):
			goOn = w.yield(key, nil) // also what is no regular file: Get reports it
		}
		if err != nil || !goOn {
			return false, err
		}
	}
	return true, nil
}

// isFolder reports whether an entry is a link to a folder. What it holds would
// be missing from the list.
func (w walk) isFolder(e fs.DirEntry, key string) bool {
	if e.Type()&fs.ModeSymlink == 0 {
		return false
	}
	info, err := os.Stat(filepath.Join(w.path, filepath.FromSlash(key)))
	return err == nil && info.IsDir()
}

// fault makes a Fault of an error of the file system.
func (f *folder) fault(operation string, err error) *ptc.Fault {
	out := &ptc.Fault{Operation: operation, Kind: ptc.FaultUnavailable, Message: fmt.Sprintf("%s: %v", f.path, err)}
	switch {
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
		out.Kind, out.Retryable = ptc.FaultTimeout, true
	case errors.Is(err, fs.ErrPermission):
		out.Kind = ptc.FaultDenied
	case errors.Is(err, blob.ErrTooLarge), errors.Is(err, errNotRegular):
		out.Kind = ptc.FaultMalformed
	}
	return out
}
