package api

import (
	"context"
	"net/http"
	"time"

	"whatsapp-api/app/service"
	"whatsapp-api/store"
	"whatsapp-api/whatsapp/convert"
)

func (a *API) apiKeys() []Endpoint {
	return []Endpoint{
		onAccount(a, http.MethodGet, "/api-keys", service.ScopeLogin, "List own API keys; admins see all", a.listKeys),
		onAccount(a, http.MethodPost, "/api-keys", service.ScopeLogin, "Create an API key; the key is shown only now", a.createKey, status(http.StatusCreated)),
		onAccount(a, http.MethodGet, "/api-keys/{id}", service.ScopeLogin, "One API key", a.getKey),
		onAccount(a, http.MethodPut, "/api-keys/{id}", service.ScopeLogin, "Change an API key's limits; what is not given stays, null takes a limit away", a.changeKey),
		onAccount(a, http.MethodDelete, "/api-keys/{id}", service.ScopeLogin, "End an API key", a.deleteKey, status(http.StatusNoContent)),
		onAccount(a, http.MethodPost, "/api-keys/{id}/rotate", service.ScopeLogin, "Give an API key a new secret; the old one ends", a.rotateKey),
	}
}

// Key is what is known of a key but itself.
type Key struct {
	ID         string        `json:"id"`
	Name       string        `json:"name"`
	Prefix     string        `json:"prefix" doc:"The key's beginning, to tell keys apart"`
	Scopes     []string      `json:"scopes" doc:"What it may do, as each operation says (x-scope); * for all, messages:* for a group"`
	Sessions   *[]string     `json:"sessions" doc:"Sessions it may touch; null: all of its owner's"`
	Addresses  *[]string     `json:"addresses" doc:"Networks (CIDR) it may be used from; null: all"`
	ExpiresAt  *convert.Time `json:"expiresAt" doc:"null: never"`
	LastUsedAt *convert.Time `json:"lastUsedAt" doc:"To some seconds; null: never"`
	CreatedAt  convert.Time  `json:"createdAt"`
}

// NewKey is a key with its secret, as it is shown once.
type NewKey struct {
	Key
	Secret string `json:"key" doc:"The key itself; it cannot be shown again"`
}

func keyShape(k store.APIKey) Key {
	return Key{
		ID: k.ID, Name: k.Name, Prefix: k.Prefix, Scopes: k.Scopes, Sessions: listOrNil(k.Sessions), Addresses: listOrNil(k.Addresses),
		ExpiresAt: convert.TimeOrNil(k.ExpiresAt), LastUsedAt: convert.TimeOrNil(k.LastUsedAt), CreatedAt: convert.Time(k.CreatedAt),
	}
}

func listOrNil(list []string) *[]string {
	if list == nil {
		return nil
	}
	return &list
}

type listKeysIn struct{ Paging }

func (a *API) listKeys(ctx context.Context, who service.Caller, in *listKeysIn) (*body[List[Key]], error) {
	owner := who.User.ID
	if who.Admin() {
		owner = ""
	}
	keys, next, err := a.Store.APIKeys().List(ctx, owner, in.page())
	if err != nil {
		return nil, err
	}
	return reply(listOf(keys, next, keyShape)), nil
}

type createKeyIn struct {
	Body struct {
		Name      Name       `json:"name"`
		Scopes    []string   `json:"scopes" minItems:"1" maxItems:"100" doc:"What it may do, as each operation says; * for all, messages:* for a group"`
		Sessions  *[]string  `json:"sessions,omitempty" maxItems:"1000" doc:"Ids; absent: all of one's own"`
		Addresses *[]string  `json:"addresses,omitempty" maxItems:"100" doc:"Networks such as 10.0.0.0/8 or 203.0.113.7/32; absent: all"`
		ExpiresAt *time.Time `json:"expiresAt,omitempty" doc:"In the future; absent: never"`
	}
}

func (a *API) createKey(ctx context.Context, who service.Caller, in *createKeyIn) (*body[NewKey], error) {
	b := in.Body
	k, secret, err := a.Keys.Create(ctx, who, service.KeyWish{Name: (*string)(&b.Name), Scopes: b.Scopes, Sessions: b.Sessions, Addresses: b.Addresses, ExpiresAt: b.ExpiresAt})
	if err != nil {
		return nil, err
	}
	made(ctx, k.ID)
	return reply(NewKey{keyShape(k), secret}), nil
}

// KeyPath is the part of an input that names an API key.
type KeyPath struct {
	ID string `path:"id" maxLength:"64" doc:"Id of the API key"`
}

type keyIn struct{ KeyPath }

func (a *API) getKey(ctx context.Context, who service.Caller, in *keyIn) (*body[Key], error) {
	k, err := a.Keys.Get(ctx, who, in.ID)
	if err != nil {
		return nil, err
	}
	return reply(keyShape(k)), nil
}

type changeKeyIn struct {
	KeyPath
	Body struct {
		Name   *Name    `json:"name,omitempty"`
		Scopes []string `json:"scopes,omitempty" minItems:"1" maxItems:"100" doc:"What it may do, as each operation says; * for all, messages:* for a group"`

		Sessions  settable[[]string]  `json:"sessions,omitempty" maxItems:"1000" doc:"Ids; null: all of the owner's"`
		Addresses settable[[]string]  `json:"addresses,omitempty" maxItems:"100" doc:"Networks such as 10.0.0.0/8 or 203.0.113.7/32; null: all"`
		ExpiresAt settable[time.Time] `json:"expiresAt,omitempty" doc:"In the future; null: never"`
	}
}

func (a *API) changeKey(ctx context.Context, who service.Caller, in *changeKeyIn) (*body[Key], error) {
	b := in.Body
	k, err := a.Keys.Change(ctx, who, in.ID, service.KeyWish{Name: (*string)(b.Name), Scopes: b.Scopes, Sessions: b.Sessions.change(), Addresses: b.Addresses.change(), ExpiresAt: b.ExpiresAt.change()})
	if err != nil {
		return nil, err
	}
	return reply(keyShape(k)), nil
}

func (a *API) deleteKey(ctx context.Context, who service.Caller, in *keyIn) (*nothing, error) {
	return nil, a.Keys.Delete(ctx, who, in.ID)
}

func (a *API) rotateKey(ctx context.Context, who service.Caller, in *keyIn) (*body[NewKey], error) {
	k, secret, err := a.Keys.Rotate(ctx, who, in.ID)
	if err != nil {
		return nil, err
	}
	return reply(NewKey{keyShape(k), secret}), nil
}

// scopes lists every scope that an endpoint asks for and a key can have.
func (a *API) scopes() []string {
	var all []string
	all = append(all, scopeMetrics)
	seen := map[string]bool{"": true, service.ScopeLogin: true}
	for _, e := range a.rows {
		if !seen[e.Scope] {
			seen[e.Scope] = true
			all = append(all, e.Scope)
		}
	}
	return all
}
