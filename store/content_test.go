package store_test

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"whatsapp-api/store"
)

var update = flag.Bool("update", false, "write the golden files anew")

// fill sets every field of v to a value of its own that says where it stands.
func fill(v reflect.Value, path string, n *int) {
	*n++
	switch v.Kind() {
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fill(v.Elem(), path, n)
	case reflect.Struct:
		for i := range v.NumField() {
			fill(v.Field(i), path+"."+v.Type().Field(i).Name, n)
		}
	case reflect.Slice:
		if v.Type().Elem().Kind() == reflect.Uint8 {
			v.SetBytes([]byte{byte(*n)})
			return
		}
		v.Set(reflect.MakeSlice(v.Type(), 1, 1))
		fill(v.Index(0), path, n)
	case reflect.String:
		v.SetString(strings.TrimPrefix(path, "."))
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Int, reflect.Int64:
		v.SetInt(int64(*n))
	case reflect.Float64:
		v.SetFloat(float64(*n) + 0.5)
	default:
		panic(fmt.Sprintf("%s is a %s", path, v.Type()))
	}
}

func TestBytesOfContentAndLive(t *testing.T) {
	t.Parallel()
	for name, v := range map[string]any{"content": &store.Content{}, "live": &store.Live{}} {
		again := reflect.New(reflect.TypeOf(v).Elem()).Interface()
		n := 0
		fill(reflect.ValueOf(v).Elem(), "", &n)
		raw, err := json.MarshalIndent(v, "", "  ")
		require.NoError(t, err)
		path := filepath.Join("testdata", name+".json")
		if *update {
			require.NoError(t, os.MkdirAll("testdata", 0o755))
			require.NoError(t, os.WriteFile(path, raw, 0o600))
		}
		want, err := os.ReadFile(path)
		require.NoError(t, err, "make it with -update")
		require.Equal(t, string(want), string(raw), "what is kept under a name is kept for ever")
		require.NoError(t, json.Unmarshal(raw, again))
		require.Equal(t, v, again)
		none, err := json.Marshal(reflect.New(reflect.TypeOf(v).Elem()).Interface())
		require.NoError(t, err)
		require.Equal(t, "{}", string(none), "what is not there takes no room")
	}
}

func TestEveryFieldHasAName(t *testing.T) {
	t.Parallel()
	seen := map[reflect.Type]bool{}
	var walk func(reflect.Type)
	walk = func(typ reflect.Type) {
		switch typ.Kind() {
		case reflect.Pointer, reflect.Slice:
			walk(typ.Elem())
			return
		case reflect.Struct:
		default:
			return
		}
		if seen[typ] {
			return
		}
		seen[typ] = true
		names := map[string]bool{}
		for i := range typ.NumField() {
			f := typ.Field(i)
			name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
			require.NotEmpty(t, name, "%s.%s", typ, f.Name)
			require.False(t, names[name], "%s.%s", typ, f.Name)
			names[name] = true
			walk(f.Type)
		}
	}
	walk(reflect.TypeOf(store.Content{}))
	walk(reflect.TypeOf(store.Live{}))
	require.True(t, seen[reflect.TypeOf(store.Media{})])
}

// people are the fields that name a person. A new field that does belongs here and in People.
var people = map[string][]string{
	"content": {"Contacts.Phones.ID", "Order.Seller", "Product.Owner", "Call.People.Person", "System.By", "System.People", "QuotedChat"},
	"live":    {"Reactions.By", "Votes.By", "Answers.By", "Starred.By", "Kept.By", "Pinned.By"},
}

// notPeople are the other fields of text.
var notPeople = map[string]bool{
	"Location.Name": true, "Location.Address": true, "Location.URL": true,
	"Contacts.Name": true, "Contacts.Organization": true, "Contacts.Phones.Number": true, "Contacts.Phones.Label": true, "Contacts.Emails": true, "Contacts.VCard": true,
	"Poll.Question": true, "Poll.Options.Text": true, "Poll.Correct": true,
	"CalendarEvent.ID": true, "CalendarEvent.Name": true, "CalendarEvent.Description": true, "CalendarEvent.JoinLink": true,
	"CalendarEvent.Location.Name": true, "CalendarEvent.Location.Address": true, "CalendarEvent.Location.URL": true,
	"Interactive.Kind": true, "Interactive.Title": true, "Interactive.Body": true, "Interactive.Footer": true,
	"Interactive.Buttons.ID": true, "Interactive.Buttons.Text": true, "Interactive.Buttons.Kind": true, "Interactive.Buttons.URL": true, "Interactive.Buttons.Phone": true, "Interactive.Buttons.CopyCode": true,
	"Interactive.Sections.Title": true, "Interactive.Sections.Rows.ID": true, "Interactive.Sections.Rows.Text": true, "Interactive.Sections.Rows.Description": true,
	"Interactive.Cards.Title": true, "Interactive.Cards.Body": true, "Interactive.Cards.Footer": true,
	"Interactive.Cards.Buttons.ID": true, "Interactive.Cards.Buttons.Text": true, "Interactive.Cards.Buttons.Kind": true, "Interactive.Cards.Buttons.URL": true, "Interactive.Cards.Buttons.Phone": true, "Interactive.Cards.Buttons.CopyCode": true,
	"Interactive.Selected.ID": true, "Interactive.Selected.Text": true, "Interactive.Selected.Description": true, "Interactive.Selected.Kind": true, "Interactive.Selected.Data": true,
	"Order.ID": true, "Order.Token": true, "Order.Title": true, "Order.Text": true, "Order.Status": true, "Order.Currency": true, "Order.CatalogID": true,
	"Product.ID": true, "Product.RetailerID": true, "Product.Title": true, "Product.Description": true, "Product.URL": true, "Product.Currency": true, "Product.Catalog": true, "Product.Body": true, "Product.Footer": true,
	"GroupInvite.Group": true, "GroupInvite.Kind": true, "GroupInvite.Name": true, "GroupInvite.Code": true,
	"Call.Outcome": true, "Call.Title": true, "Call.People.Outcome": true,
	"Referral.Source": true, "Referral.Type": true, "Referral.ID": true, "Referral.URL": true, "Referral.Title": true, "Referral.Body": true, "Referral.MediaType": true, "Referral.MediaURL": true, "Referral.ThumbnailURL": true,
	"Referral.ClickID": true, "Referral.Ref": true, "Referral.App": true, "Referral.UTMSource": true, "Referral.UTMCampaign": true, "Referral.Signals": true,
	"Links.URL": true, "Links.Title": true, "Links.Description": true, "Album.ID": true, "System.Kind": true, "System.Text": true, "System.Previous": true,
	"GroupMentions.Group": true, "GroupMentions.Name": true, "Source": true,
	"Reactions.Emoji": true, "Answers.Answer": true, "Options.Text": true, "Media.ID": true, "Media.Media.MimeType": true, "Media.Media.FileName": true,
}

func TestPeopleVisitsEveryPerson(t *testing.T) {
	t.Parallel()
	var content store.Content
	var live store.Live
	for name, c := range map[string]struct {
		v      any
		people func(func(*string))
	}{"content": {&content, content.People}, "live": {&live, live.People}} {
		n := 0
		v := reflect.ValueOf(c.v).Elem()
		fill(v, "", &n)
		var visited []string
		c.people(func(s *string) { visited, *s = append(visited, *s), "visited" })
		require.ElementsMatch(t, people[name], visited)
		raw, err := json.Marshal(c.v)
		require.NoError(t, err)
		require.Equal(t, len(visited), strings.Count(string(raw), `"visited"`), "they can be changed in place")
		var left func(reflect.Value)
		left = func(v reflect.Value) {
			switch v.Kind() {
			case reflect.Pointer:
				left(v.Elem())
			case reflect.Struct:
				for i := range v.NumField() {
					left(v.Field(i))
				}
			case reflect.Slice:
				if v.Type().Elem().Kind() != reflect.Uint8 {
					left(v.Index(0))
				}
			case reflect.String:
				require.True(t, v.String() == "visited" || notPeople[v.String()], "is %s a person?", v.String())
			}
		}
		left(v)
	}
	(*store.Content)(nil).People(nil)
	(*store.Live)(nil).People(nil)
	(&store.Content{Order: &store.Order{}, System: &store.System{}}).People(func(*string) { t.Error("nobody is named") })
}
