package account

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"whatsapp-api/app/api"
	"whatsapp-api/app/service"
	"whatsapp-api/app/service/account"
	"whatsapp-api/store"
	"whatsapp-api/whatsapp/convert"
)

// Keys are what programs call with.
type Keys struct {
	Store store.Store
	Keys  *account.Keys
}

// Endpoints are the rows of API keys.
func (ks Keys) Endpoints() []api.Endpoint {
	return []api.Endpoint{
		api.OnAccount(http.MethodGet, "/api-keys", "listApiKeys", service.ScopeLogin, "List own API keys; admins see all", ks.listKeys),
		api.OnAccount(http.MethodPost, "/api-keys", "createApiKey", service.ScopeLogin, "Create an API key; the key is shown only now", ks.createKey, api.Status(http.StatusCreated)),
		api.OnAccount(http.MethodGet, "/api-keys/{id}", "getApiKey", service.ScopeLogin, "One API key", ks.getKey),
		api.OnAccount(http.MethodPut, "/api-keys/{id}", "updateApiKey", service.ScopeLogin, "Change an API key's limits; what is not given stays, null takes a limit away", ks.changeKey),
		api.OnAccount(http.MethodDelete, "/api-keys/{id}", "deleteApiKey", service.ScopeLogin, "End an API key", ks.deleteKey, api.Status(http.StatusNoContent)),
		api.OnAccount(http.MethodPost, "/api-keys/{id}/rotate", "rotateApiKey", service.ScopeLogin, "Give an API key a new secret; the old one ends", ks.rotateKey),
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

type listKeysIn struct{ api.Paging }

func (ks Keys) listKeys(ctx context.Context, who service.Caller, in *listKeysIn) (*api.Body[api.List[Key]], error) {
	owner := who.User.ID
	if who.Admin() {
		owner = ""
	}
	keys, next, err := ks.Store.APIKeys().List(ctx, owner, in.Page())
	if err != nil {
		return nil, err
	}
	return api.Reply(api.ListOf(keys, next, keyShape)), nil
}

type createKeyIn struct {
	Body struct {
		Name      api.Name   `json:"name"`
		Scopes    []string   `json:"scopes" minItems:"1" maxItems:"100" doc:"What it may do, as each operation says; * for all, messages:* for a group"`
		Sessions  *[]string  `json:"sessions,omitempty" maxItems:"1000" doc:"Ids; absent: all of one's own"`
		Addresses *[]string  `json:"addresses,omitempty" maxItems:"100" doc:"Networks such as 10.0.0.0/8 or 203.0.113.7/32; absent: all"`
		ExpiresAt *time.Time `json:"expiresAt,omitempty" doc:"In the future; absent: never"`
	}
}

func (ks Keys) createKey(ctx context.Context, who service.Caller, in *createKeyIn) (*api.Body[NewKey], error) {
	b := in.Body
	k, secret, err := ks.Keys.Create(ctx, who, account.KeySpec{Name: (*string)(&b.Name), Scopes: b.Scopes, Sessions: b.Sessions, Addresses: b.Addresses, ExpiresAt: b.ExpiresAt})
	if err != nil {
		return nil, err
	}
	api.Made(ctx, k.ID)
	return api.Reply(NewKey{keyShape(k), secret}), nil
}

// KeyPath is the part of an input that names an API key.
type KeyPath struct {
	ID string `path:"id" maxLength:"64" doc:"Id of the API key"`
}

type keyIn struct{ KeyPath }

func (ks Keys) getKey(ctx context.Context, who service.Caller, in *keyIn) (*api.Body[Key], error) {
	k, err := ks.Keys.Get(ctx, who, in.ID)
	if err != nil {
		return nil, err
	}
	return api.Reply(keyShape(k)), nil
}

type changeKeyIn struct {
	KeyPath
	Body struct {
		Name   *api.Name `json:"name,omitempty"`
		Scopes []string  `json:"scopes,omitempty" minItems:"1" maxItems:"100" doc:"What it may do, as each operation says; * for all, messages:* for a group"`

		Sessions  api.Settable[[]string]  `json:"sessions,omitempty" maxItems:"1000" doc:"Ids; null: all of the owner's"`
		Addresses api.Settable[[]string]  `json:"addresses,omitempty" maxItems:"100" doc:"Networks such as 10.0.0.0/8 or 203.0.113.7/32; null: all"`
		ExpiresAt api.Settable[time.Time] `json:"expiresAt,omitempty" doc:"In the future; null: never"`
	}
}

func (ks Keys) changeKey(ctx context.Context, who service.Caller, in *changeKeyIn) (*api.Body[Key], error) {
	b := in.Body
	k, err := ks.Keys.Change(ctx, who, in.ID, account.KeySpec{Name: (*string)(b.Name), Scopes: b.Scopes, Sessions: b.Sessions.Change(), Addresses: b.Addresses.Change(), ExpiresAt: b.ExpiresAt.Change()})
	if err != nil {
		return nil, err
	}
	return api.Reply(keyShape(k)), nil
}

func (ks Keys) deleteKey(ctx context.Context, who service.Caller, in *keyIn) (*api.Nothing, error) {
	return nil, ks.Keys.Delete(ctx, who, in.ID)
}

func (ks Keys) rotateKey(ctx context.Context, who service.Caller, in *keyIn) (*api.Body[NewKey], error) {
	k, secret, err := ks.Keys.Rotate(ctx, who, in.ID)
	if err != nil {
		return nil, err
	}
	return api.Reply(NewKey{keyShape(k), secret}), nil
}

// Describe says in the document what a key's scopes and sessions may be.
func (Keys) Describe(doc *huma.OpenAPI, scopes []string) {
	var grants []any
	for _, g := range account.Grants(scopes) {
		grants = append(grants, g)
	}
	for _, body := range []string{"CreateKeyInBody", "ChangeKeyInBody"} {
		fields := doc.Components.Schemas.Map()[body].Properties
		fields["scopes"].Items.Enum, fields["sessions"].Items.Pattern = grants, "^[a-z0-9_-]{1,64}$"
		fields["scopes"].Items.PrecomputeMessages()
		fields["sessions"].Items.PrecomputeMessages()
	}
}
