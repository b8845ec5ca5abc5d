package sandbox

import (
	"bytes"
	"compress/zlib"
	"errors"
	"fmt"
	"io"

	waBinary "go.mau.fi/whatsmeow/binary"
)

const (
	// maxFrame is the largest length that the three bytes before a frame can say.
	maxFrame = 1<<24 - 1
	// maxStanza is the largest stanza taken from a client. It is far above what
	// clients send (media do not travel here), and small enough that a stanza of
	// nothing but nested lists cannot exhaust the stack of the recursive decoder,
	// which no recover could catch.
	maxStanza = 2 << 20
)

var (
	errIntro   = errors.New("connection does not begin with the WhatsApp intro")
	errBadNode = errors.New("stanza cannot be read")
)

// intro is what a client sends once, before its first frame: "WA", the
// protocol number and the version of the token dictionary.
func intro() []byte { return []byte{'W', 'A', 6, 3} }

// frameBuffer cuts the bytes of a connection into frames. Websocket messages
// and frames need not coincide.
type frameBuffer struct {
	data    []byte
	started bool
}

func (f *frameBuffer) push(data []byte) { f.data = append(f.data, data...) }

// next returns the next whole frame, or nil if more bytes are needed.
func (f *frameBuffer) next() ([]byte, error) {
	if !f.started {
		want := intro()
		if len(f.data) < len(want) {
			if !bytes.HasPrefix(want, f.data) {
				return nil, errIntro
			}
			return nil, nil
		}
		if !bytes.Equal(f.data[:len(want)], want) {
			return nil, errIntro
		}
		f.data, f.started = f.data[len(want):], true
	}
	if len(f.data) < 3 {
		return nil, nil
	}
	size := int(f.data[0])<<16 | int(f.data[1])<<8 | int(f.data[2])
	if len(f.data) < 3+size {
		return nil, nil
	}
	frame := f.data[3 : 3+size : 3+size]
	f.data = f.data[3+size:]
	if len(f.data) == 0 {
		f.data = nil
	}
	return frame, nil
}

// frameHeader is the length that stands before a frame of that size.
func frameHeader(size int) []byte { return []byte{byte(size >> 16), byte(size >> 8), byte(size)} }

// decodeNode reads one stanza out of a decrypted frame. What a client sent is
// never trusted: the decoder was written for the server's own data and panics
// on some malformed input, which is an error here.
func decodeNode(frame []byte) (n *node, err error) {
	defer func() {
		if r := recover(); r != nil {
			n, err = nil, fmt.Errorf("%w: %v", errBadNode, r)
		}
	}()
	if len(frame) < 2 {
		return nil, fmt.Errorf("%w: %d bytes", errBadNode, len(frame))
	}
	plain := frame[1:]
	if frame[0]&2 != 0 {
		if plain, err = inflate(plain); err != nil {
			return nil, fmt.Errorf("%w: %w", errBadNode, err)
		}
	}
	if len(plain) > maxStanza {
		return nil, fmt.Errorf("%w: %d bytes, at most %d", errBadNode, len(plain), maxStanza)
	}
	n, err = waBinary.Unmarshal(plain)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errBadNode, err)
	}
	return n, nil
}

func inflate(data []byte) ([]byte, error) {
	r, err := zlib.NewReader(bytes.NewReader(data))
	if err != nil {
		return nil, err
	}
	data, err = io.ReadAll(io.LimitReader(r, maxStanza+1))
	return data, errors.Join(err, r.Close())
}

// encodeNode makes the plaintext of a frame out of a stanza of our own.
func encodeNode(n node) ([]byte, error) {
	data, err := waBinary.Marshal(n)
	if err != nil {
		return nil, fmt.Errorf("encode %s: %w", n.Tag, err)
	}
	return data, nil
}
