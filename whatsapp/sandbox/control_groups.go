package sandbox

import (
	"net/http"
)

func (c *control) getGroups(*http.Request) (int, any, error) {
	return http.StatusOK, list[Group]{Data: c.Groups()}, nil
}

func (c *control) getGroup(r *http.Request) (int, any, error) {
	g, err := c.Group(r.PathValue("group"))
	if err != nil {
		return 0, nil, err
	}
	return http.StatusOK, g, nil
}

func (c *control) postGroup(r *http.Request) (int, any, error) {
	var in NewGroup
	if err := decode(r, &in); err != nil {
		return 0, nil, err
	}
	g, err := c.NewGroup(r.Context(), in)
	if err != nil {
		return 0, nil, err
	}
	return http.StatusCreated, g, nil
}

// changeGroup answers a route that changes who is in a group.
func (c *control) changeGroup(verb string) handler {
	return func(r *http.Request) (int, any, error) {
		var in struct {
			By     string   `json:"by"` // phone number of who does it
			Phones []string `json:"phones"`
		}
		if err := decode(r, &in); err != nil {
			return 0, nil, err
		}
		g, err := c.ChangeGroup(r.Context(), r.PathValue("group"), verb, in.By, in.Phones...)
		if err != nil {
			return 0, nil, err
		}
		return http.StatusOK, g, nil
	}
}

func (c *control) renameGroup(r *http.Request) (int, any, error) {
	var in struct {
		By      string `json:"by"`
		Subject string `json:"subject"`
	}
	if err := decode(r, &in); err != nil {
		return 0, nil, err
	}
	g, err := c.RenameGroup(r.Context(), r.PathValue("group"), in.By, in.Subject)
	if err != nil {
		return 0, nil, err
	}
	return http.StatusOK, g, nil
}
