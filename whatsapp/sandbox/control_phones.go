package sandbox

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"
)

func (c *control) phoneRoutes() {
	get(c, "/phones", "All phones, by number", c.getPhones)
	create(c, "/phones", "Make a phone", c.postPhone)
	get(c, "/phones/{phone}", "One phone", c.getPhone)
	remove(c, "/phones/{phone}", "Delete a phone with its account", c.deletePhone)
	remove(c, "/phones", "Delete all phones", c.deletePhones)
	acting(c, "/rename", "Give the account another name", rename)
	acting(c, "/power", "Turn the phone off or on", power)
	acting(c, "/block", "Block another account, or no longer", func(ctx context.Context, p *Phone, in setIn) (*none, error) {
		return done(p.Block(ctx, in.To, in.On == nil || *in.On))
	})
	acting(c, "/read-receipts", "Let others learn what was read, or not", showReads)
	acting(c, "/scan", "Scan the QR code of a client, which links it", scan)
	acting(c, "/presence", "Show whether the person has WhatsApp open", showPresence)
	post(c, "/phones/{phone}/devices/{device}/logout", "Unlink a client", c.logout)
}

// phoneOut is a phone as the control routes show it.
type phoneOut struct {
	Phone        string   `json:"phone"`
	LID          string   `json:"lid" doc:"The account's hidden identity"`
	Name         string   `json:"name" doc:"What others see"`
	Devices      []int    `json:"devices" doc:"Numbers of linked clients"`
	On           bool     `json:"on" doc:"false: it takes nothing, and nobody can do anything with it"`
	ReadReceipts bool     `json:"readReceipts" doc:"Whether others learn what was read"`
	Blocked      []string `json:"blocked" doc:"Numbers of those whom the account has blocked"`
}

func outPhone(p *Phone) phoneOut {
	return phoneOut{
		Phone: p.Number(), LID: p.LID(), Name: p.Name(), Devices: p.Devices(), On: p.On(), ReadReceipts: p.ReadReceipts(), Blocked: p.Blocked(),
	}
}

func (c *control) getPhones(context.Context, *struct{}) (*out[list[phoneOut]], error) {
	all := list[phoneOut]{Data: []phoneOut{}}
	for _, p := range c.Phones() {
		all.Data = append(all.Data, outPhone(p))
	}
	return reply(all), nil
}

func (c *control) getPhone(_ context.Context, in *ofPhone) (*out[phoneOut], error) {
	p, err := c.Phone(in.Phone)
	if err != nil {
		return nil, err
	}
	return reply(outPhone(p)), nil
}

type newPhoneIn struct {
	Phone string `json:"phone" doc:"7 to 15 digits, with or without +"`
	Name  string `json:"name,omitempty" maxLength:"100" doc:"What others see; the number if it is left out"`
}

func (c *control) postPhone(_ context.Context, in *with[newPhoneIn]) (*out[phoneOut], error) {
	if len(in.Body.V.Name) > 100 {
		return nil, fmt.Errorf("%w: name is longer than 100 bytes", ErrInvalid)
	}
	p, err := c.NewPhone(in.Body.V.Phone, in.Body.V.Name)
	if err != nil {
		return nil, err
	}
	return reply(outPhone(p)), nil
}

func (c *control) deletePhone(ctx context.Context, in *ofPhone) (*none, error) {
	return done(c.DeletePhone(ctx, in.Phone))
}

func (c *control) deletePhones(ctx context.Context, _ *struct{}) (*none, error) {
	for _, p := range c.Phones() {
		if err := c.DeletePhone(ctx, p.Number()); err != nil && !errors.Is(err, ErrNoPhone) {
			return nil, err
		}
	}
	return done(nil)
}

type renameIn struct {
	Name string `json:"name" minLength:"1" maxLength:"100"`
}

func rename(ctx context.Context, p *Phone, in renameIn) (*out[phoneOut], error) {
	if err := p.Rename(ctx, in.Name); err != nil {
		return nil, err
	}
	return reply(outPhone(p)), nil
}

type switchIn struct {
	On *bool `json:"on" nullable:"false"`
}

func power(ctx context.Context, p *Phone, in switchIn) (*out[phoneOut], error) {
	return turned(ctx, p, in, p.SetPower)
}

func showReads(ctx context.Context, p *Phone, in switchIn) (*out[phoneOut], error) {
	return turned(ctx, p, in, p.SetReadReceipts)
}

func turned(ctx context.Context, p *Phone, in switchIn, set func(context.Context, bool) error) (*out[phoneOut], error) {
	if in.On == nil {
		return nil, fmt.Errorf("%w: on is missing", ErrInvalid)
	}
	if err := set(ctx, *in.On); err != nil {
		return nil, err
	}
	return reply(outPhone(p)), nil
}

// scanTime is how long a client may take to confirm a link.
const scanTime = 30 * time.Second

type scanIn struct {
	QR string `json:"qr" doc:"What the QR code says"`
}

type linkOut struct {
	Device int `json:"device" doc:"Number of the linked client"`
}

func scan(ctx context.Context, p *Phone, in scanIn) (*out[linkOut], error) {
	ctx, cancel := context.WithTimeout(ctx, scanTime)
	defer cancel()
	device, err := p.Scan(ctx, in.QR)
	return &out[linkOut]{linkOut{device}}, err
}

type presenceIn struct {
	Available *bool `json:"available" nullable:"false"`
}

func showPresence(_ context.Context, p *Phone, in presenceIn) (*none, error) {
	if in.Available == nil {
		return nil, fmt.Errorf("%w: available is missing", ErrInvalid)
	}
	p.SetPresence(*in.Available)
	return done(nil)
}

type logoutIn struct {
	Phone  string `path:"phone" doc:"Phone number, with or without +"`
	Device string `path:"device" doc:"Number of the linked client"`
}

func (c *control) logout(_ context.Context, in *logoutIn) (*none, error) {
	p, err := c.Phone(in.Phone)
	if err != nil {
		return nil, err
	}
	number, err := strconv.Atoi(in.Device)
	if err != nil {
		return nil, fmt.Errorf("%w: %q", ErrNoDevice, in.Device)
	}
	return done(p.LogoutDevice(number))
}
