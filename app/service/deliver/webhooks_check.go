package deliver

import (
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"unicode"

	"whatsapp-api/app/service"
	"whatsapp-api/store"
)

const (
	maxHeaders     = 20
	maxHeaderBytes = 4096 // of one header's value
	maxFilter      = 1000 // entries of one filter
)

// apply changes a webhook as a spec says, if all of it is good. service.Invalid.
func (h *Webhooks) apply(w *store.Webhook, spec WebhookSpec) error {
	wrong := service.Invalid{}
	service.Set(&w.URL, spec.URL)
	wrong.Check("url", h.Targets.checkURL(w.URL))
	if spec.Events != nil {
		w.Events = nil
		if len(*spec.Events) > 0 {
			w.Events = slices.Clone(*spec.Events)
		}
		wrong.Check("events", service.CheckEvents(w.Events))
	}
	if spec.Filters != nil {
		w.Filters = store.WebhookFilters{Types: spec.Filters.Types, FromMe: spec.Filters.FromMe, Groups: spec.Filters.Groups}
		w.Filters.Chats = addresses(wrong, "filters.chats", spec.Filters.Chats)
		w.Filters.Senders = addresses(wrong, "filters.senders", spec.Filters.Senders)
	}
	if spec.Headers != nil {
		headers, fault := unmasked(*spec.Headers, w.Headers)
		w.Headers = headers
		wrong.Check("headers", fault)
		wrong.Check("headers", checkHeaders(w.Headers))
	}
	service.Set(&w.Format, spec.Format)
	if _, other := formats[w.Format]; !other && w.Format != FormatNative {
		wrong["format"] = "must be native, cloud, waha or evolution"
	}
	service.Set(&w.RetryFor, spec.RetryFor)
	if w.RetryFor < 0 || w.RetryFor > maxRetry {
		wrong["retryFor"] = fmt.Sprintf("must be 0s to %s", maxRetry)
	}
	service.Set(&w.Timeout, spec.Timeout)
	if w.Timeout <= 0 || w.Timeout > maxWait {
		wrong["timeoutSeconds"] = fmt.Sprintf("must be 1 to %d", int(maxWait.Seconds()))
	}
	service.Set(&w.OnRefusal, spec.OnRefusal)
	if w.OnRefusal != store.RefusalRetry && w.OnRefusal != store.RefusalDead && w.OnRefusal != "" {
		wrong["onRefusal"] = "must be retry or dead"
	}
	if len(wrong) > 0 {
		return wrong
	}
	return nil
}

// addresses writes the entries of a filter as events have them.
func addresses(wrong service.Invalid, field string, texts []string) (list []string) {
	if len(texts) > maxFilter {
		wrong[field] = fmt.Sprintf("must be at most %d", maxFilter)
		return nil
	}
	for _, t := range texts {
		id, err := canonical(t)
		if err != nil {
			wrong[field] = fmt.Sprintf("%q: %s", t, err)
			return nil
		}
		list = append(list, id)
	}
	return list
}

// ownHeaders are headers that the server, or HTTP itself, sets. A dash at the end names all that
// begin so.
var ownHeaders = []string{
	"Connection", "Keep-Alive", "Proxy-", "Te", "Trailer", "Transfer-Encoding", "Upgrade", "Host", "Content-", "Expect", "Accept-Encoding",
	"User-Agent", "X-Hub-", "X-Webhook-", "X-Event-Id", "X-Delivery-Attempt",
}

// headerName is a token (RFC 9110).
var headerName = regexp.MustCompile("^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,128}$")

// MaskedHeader is what is shown of a header's value, which may be secret. In a change it stands for
// the value of before.
const MaskedHeader = "***"

// unmasked puts the values of before where a client brings back what it was shown.
func unmasked(given, before map[string]string) (headers map[string]string, fault string) {
	headers = make(map[string]string, len(given))
	for name, value := range given {
		if value == MaskedHeader {
			old, known := before[name]
			if !known {
				fault = fmt.Sprintf("%s stands for a value that was there before, and %s has none", MaskedHeader, name)
			}
			value = old
		}
		headers[name] = value
	}
	return headers, fault
}

func checkHeaders(headers map[string]string) string {
	if len(headers) > maxHeaders {
		return fmt.Sprintf("must be at most %d", maxHeaders)
	}
	for name, value := range headers {
		canonical := http.CanonicalHeaderKey(name)
		switch {
		case !headerName.MatchString(name):
			return fmt.Sprintf("%q is not a name of a header", name)
		case len(value) > maxHeaderBytes || strings.ContainsFunc(value, func(r rune) bool { return unicode.IsControl(r) && r != '\t' }):
			return fmt.Sprintf("the value of %s must be one line of at most %d bytes", name, maxHeaderBytes)
		}
		for _, own := range ownHeaders {
			if canonical == own || strings.HasSuffix(own, "-") && strings.HasPrefix(canonical, own) {
				return fmt.Sprintf("%s is set by the server", name)
			}
		}
	}
	return ""
}
