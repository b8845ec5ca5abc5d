package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"path/filepath"
	"sync/atomic"

	"whatsapp-api/whatsapp/sandbox"
)

// world is the WhatsApp side: the sandbox in a process of its own, which nothing kills.
type world struct {
	p       *process
	calls   caller
	numbers atomic.Int64
}

func openWorld(binary, dir string) (*world, error) {
	p, err := launch(filepath.Join(dir, "sandbox.log"), dir, binary,
		[]string{"sandbox", "--listen", "127.0.0.1:0", "--control", "127.0.0.1:0", "--log-level", "warn"}, nil)
	if err != nil {
		return nil, err
	}
	var hello struct {
		Control string `json:"control"`
	}
	line, err := bufio.NewReader(p.out).ReadBytes('\n')
	if err == nil {
		err = json.Unmarshal(line, &hello)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("start the sandbox: %w", err), p.kill())
	}
	return &world{p: p, calls: newCaller(hello.Control)}, nil
}

func (w *world) close() error { return w.p.stop() }

// phone makes a phone with a number of its own.
func (w *world) phone(ctx context.Context, name string) (number string, err error) {
	number = fmt.Sprintf("+34600%06d", w.numbers.Add(1))
	return number, w.calls.do(ctx, "POST", "/sandbox/phones", map[string]string{"phone": number, "name": name}, nil)
}

// group makes a group of phones, the first of which owns it.
func (w *world) group(ctx context.Context, addressing string, phones []string) (id string, err error) {
	var made sandbox.Group
	in := sandbox.NewGroup{Subject: "All of us", Owner: phones[0], Participants: phones[1:], Addressing: addressing}
	err = w.calls.do(ctx, "POST", "/sandbox/groups", in, &made)
	return made.ID, err
}

func of(phone string) string { return "/sandbox/phones/" + url.PathEscape(phone) }

// scan links the client that shows this code to a phone.
func (w *world) scan(ctx context.Context, phone, code string) error {
	return w.calls.do(ctx, "POST", of(phone)+"/scan", map[string]string{"qr": code}, nil)
}

// write has one phone send count messages to another, and returns their ids.
func (w *world) write(ctx context.Context, from, to, text string, count int) ([]string, error) {
	var out struct {
		ID  string   `json:"id"`
		IDs []string `json:"ids"`
	}
	err := w.calls.do(ctx, "POST", of(from)+"/messages", map[string]any{"to": to, "text": text, "count": count}, &out)
	if out.ID != "" {
		out.IDs = []string{out.ID}
	}
	return out.IDs, err
}

// do has a phone do something in a chat.
func (w *world) do(ctx context.Context, phone, act string, body any) error {
	return w.calls.do(ctx, "POST", of(phone)+"/"+act, body, nil)
}

// received is what a phone has got.
func (w *world) received(ctx context.Context, phone string) ([]sandbox.Received, error) {
	var out struct {
		Data []sandbox.Received `json:"data"`
	}
	err := w.calls.do(ctx, "GET", of(phone)+"/messages", nil, &out)
	return out.Data, err
}

// receipts is what a phone has learned about its messages, after a number.
func (w *world) receipts(ctx context.Context, phone string, after int) ([]sandbox.Receipt, error) {
	var out struct {
		Data []sandbox.Receipt `json:"data"`
	}
	err := w.calls.do(ctx, "GET", fmt.Sprintf("%s/receipts?after=%d", of(phone), after), nil, &out)
	return out.Data, err
}

func (w *world) stats(ctx context.Context) (s sandbox.Stats, err error) {
	return s, w.calls.do(ctx, "GET", "/sandbox/stats", nil, &s)
}

func (w *world) fault(ctx context.Context, faults ...sandbox.Fault) error {
	return w.calls.do(ctx, "POST", "/sandbox/faults", faults, nil)
}

func (w *world) clear(ctx context.Context) error {
	return w.calls.do(ctx, "DELETE", "/sandbox/faults", nil, nil)
}
