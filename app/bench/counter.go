package main

import "sync"

// counter tells when so many messages were seen.
type counter struct {
	mu   sync.Mutex
	left int
	done chan struct{}
}

func (c *counter) expect(messages int) <-chan struct{} {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.left, c.done = messages, make(chan struct{})
	return c.done
}

func (c *counter) add(n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.left > 0 {
		if c.left -= n; c.left <= 0 {
			close(c.done)
		}
	}
}
