package app

import (
	"bytes"
	"encoding/json"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const module = "whatsapp-api/"

// layers says what each package may import of this module. Arrows go one way.
var layers = map[string][]string{
	"cmd/whatsapp-api": {"app", "configs"},
	"app": {
		"app/api", "app/api/account", "app/api/chat", "app/api/deliver", "app/api/link", "app/api/operate", "app/api/stream",
		"app/service", "app/service/account", "app/service/chat", "app/service/deliver", "app/service/link", "app/service/operate", "app/service/stream",
		"app/events", "configs", "media", "media/folder", "media/s3", "store", "store/mongo", "store/sqlite", "web", "whatsapp", "whatsapp/sandbox",
	},
	"app/bench":                       {"app", "configs", "store", "store/mongo", "store/mongo/mongotest", "store/sqlite", "whatsapp/sandbox"},
	"app/soak":                        {"store/mongo/mongotest", "whatsapp/sandbox", "whatsapp/sandbox/nodetest"},
	"app/api":                         {"app/api/examples", "app/codes", "app/service", "app/service/account", "app/service/chat", "app/service/deliver", "app/service/link", "store", "whatsapp", "whatsapp/convert"}, // whose errors it answers
	"app/api/account":                 {"app/api", "app/codes", "app/service", "app/service/account", "store", "whatsapp/convert"},
	"app/api/chat":                    {"app/api", "app/codes", "app/service", "app/service/chat", "store", "whatsapp", "whatsapp/convert"},
	"app/api/deliver":                 {"app/api", "app/codes", "app/service", "app/service/deliver", "store", "whatsapp", "whatsapp/convert"},
	"app/api/examples":                {},
	"app/api/link":                    {"app/api", "app/codes", "app/service", "app/service/link", "store", "whatsapp", "whatsapp/convert"},
	"app/api/operate":                 {"app/api", "app/codes", "app/events", "app/service", "app/service/account", "app/service/deliver", "store", "whatsapp", "whatsapp/convert"},
	"app/api/stream":                  {"app/api", "app/codes", "app/events", "app/service", "app/service/account", "app/service/link", "app/service/stream", "app/socketio", "store", "whatsapp", "whatsapp/convert"},
	"app/codes":                       {"whatsapp"},
	"app/codes/gencodes":              {"app/codes"},
	"app/service":                     {"store", "whatsapp"},
	"app/service/account":             {"app/service", "store"},
	"app/service/chat":                {"app/service", "store", "whatsapp", "whatsapp/convert"},
	"app/service/deliver":             {"app/consumer", "app/events", "app/service", "store", "whatsapp", "whatsapp/convert"},
	"app/service/link":                {"app/events", "app/service", "store", "whatsapp"},
	"app/service/operate":             {"app/service", "media", "store"},
	"app/service/stream":              {"app/service", "store"},
	"app/consumer":                    {"app/events", "store"},
	"app/events":                      {"store"},
	"app/socketio":                    {},
	"whatsapp":                        {"store", "whatsapp/convert", "whatsapp/keys"},
	"whatsapp/convert":                {"store"},
	"whatsapp/keys":                   {"store", "whatsapp/ratchet"},
	"whatsapp/ratchet":                {},
	"whatsapp/sandbox":                {"media", "media/folder", "whatsapp/ratchet"},
	"whatsapp/sandbox/nodetest":       {},
	"media":                           {},
	"media/folder":                    {"media"},
	"media/s3":                        {"media"},
	"media/mediatest":                 {"media"},
	"media/s3/s3test":                 {"servertest"},
	"media/s3/s3test/gets3":           {"media/s3/s3test"},
	"servertest":                      {},
	"store":                           {},
	"store/sqlite":                    {"store"},
	"store/mongo":                     {"media", "store"},
	"store/storetest":                 {"store"},
	"store/mongo/mongotest":           {"servertest"},
	"store/mongo/mongotest/getmongod": {"store/mongo/mongotest"},
	"media/look":                      {},
	"media/picture":                   {"media/look"},
	"media/sound":                     {"media/look"},
	"configs":                         {},
	"web":                             {},
}

// owners says which packages may import a library, by the beginning of its path.
var owners = map[string][]string{
	"github.com/klauspost/compress":      {"app/api"},
	"github.com/labstack/echo":           {"app/api"},
	"github.com/danielgtaylor/huma":      {"app/api", "app/api/account", "app/api/chat", "app/api/deliver", "app/api/examples", "app/api/link", "app/api/operate", "app/api/stream", "whatsapp/sandbox"},
	"github.com/coder/websocket":         {"app/bench", "app/soak", "whatsapp/sandbox"},
	"github.com/gorilla/websocket":       {"app/api/stream", "app/bench", "app/socketio"},
	"github.com/golang-jwt/jwt":          {"app/service/account"},
	"github.com/alexedwards/argon2id":    {"app/service/account"},
	"golang.org/x/crypto/argon2":         {"app/service/account"},
	"github.com/mattn/go-sqlite3":        {"app/bench"},
	"github.com/ncruces/go-sqlite3":      {"app/bench", "store/sqlite", "whatsapp/sandbox"},
	"github.com/gofrs/flock":             {"media/folder", "store/sqlite"},
	"github.com/minio/minio-go":          {"media/s3"},
	"go.mongodb.org/mongo-driver":        {"store/mongo", "store/mongo/mongotest"},
	"github.com/skip2/go-qrcode":         {"whatsapp"},
	"github.com/spf13/":                  {"cmd/whatsapp-api"},
	"go.mau.fi/libsignal":                {"whatsapp", "whatsapp/sandbox"},
	"github.com/VictoriaMetrics/metrics": {"app"},
	"github.com/gabriel-vasile/mimetype": {"media/look"},
	"github.com/deepteams/webp":          {"media/picture"},
	"github.com/thesyncim/gopus":         {"media/sound"},
	"github.com/gen2brain/jpegn":         {"media/picture"},
	"golang.org/x/image":                 {"media/picture"},
	"github.com/nyaruka/phonenumbers":    {"whatsapp/convert"},
	"github.com/yuin/goldmark":           {"web"},
	"go.mau.fi/whatsmeow":                {"app/bench", "app/soak", "whatsapp", "whatsapp/convert", "whatsapp/keys", "whatsapp/sandbox"},
}

func TestArrows(t *testing.T) {
	var all bytes.Buffer
	for _, dir := range []string{"..", "bench"} { // the bench is a module of its own
		list := exec.Command("go", "list", "-tags=mattn", "-json=ImportPath,Imports", "./...")
		list.Dir = dir
		out, err := list.Output()
		require.NoError(t, err)
		all.Write(out)
	}
	seen := map[string]bool{}
	for d := json.NewDecoder(&all); d.More(); {
		var p struct {
			ImportPath string
			Imports    []string
		}
		require.NoError(t, d.Decode(&p))
		name := strings.TrimPrefix(p.ImportPath, module)
		seen[name] = true
		allowed, known := layers[name]
		if !known {
			t.Errorf("package %s has no line in layers", name)
		}
		for _, i := range p.Imports {
			if local, ok := strings.CutPrefix(i, module); ok && !slices.Contains(allowed, local) {
				t.Errorf("%s may not import %s", name, local)
			}
			for library, who := range owners {
				if strings.HasPrefix(i, library) && !slices.Contains(who, name) {
					t.Errorf("%s may not import %s", name, i)
				}
			}
			if i == "go.mau.fi/whatsmeow" && name != "whatsapp" && name != "app/bench" { // which measures against it
				t.Errorf("%s may not import whatsmeow's client", name)
			}
		}
	}
	for name := range layers {
		if !seen[name] {
			t.Errorf("layers names %s, which does not exist", name)
		}
	}
}
