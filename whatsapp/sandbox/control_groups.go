package sandbox

import "context"

func (c *control) groupRoutes() {
	get(c, "/groups", "All groups, the oldest first", c.getGroups)
	create(c, "/groups", "Make a group", c.postGroup)
	get(c, "/groups/{group}", "One group", c.getGroup)
	post(c, "/groups/{group}/add", "Add members", c.changeGroup("add"))
	post(c, "/groups/{group}/remove", "Remove members", c.changeGroup("remove"))
	post(c, "/groups/{group}/promote", "Make members admins", c.changeGroup("promote"))
	post(c, "/groups/{group}/demote", "Make admins members", c.changeGroup("demote"))
	post(c, "/groups/{group}/leave", "Leave the group", c.changeGroup("leave"))
	post(c, "/groups/{group}/subject", "Give the group another subject", c.renameGroup)
}

type ofGroup struct {
	Group string `path:"group" doc:"Address of the group, or the part before @"`
}

// groupIn is the input of what somebody does with a group.
type groupIn[T any] struct {
	Group string `path:"group" doc:"Address of the group, or the part before @"`
	Body  body[T]
}

func (g *groupIn[T]) wrong() error { return g.Body.err }

func (c *control) getGroups(context.Context, *struct{}) (*out[list[Group]], error) {
	return reply(list[Group]{Data: c.Groups()}), nil
}

func (c *control) getGroup(_ context.Context, in *ofGroup) (*out[Group], error) {
	g, err := c.Group(in.Group)
	return &out[Group]{g}, err
}

func (c *control) postGroup(ctx context.Context, in *with[NewGroup]) (*out[Group], error) {
	g, err := c.NewGroup(ctx, in.Body.V)
	return &out[Group]{g}, err
}

type membersIn struct {
	By     string   `json:"by" doc:"Phone number of who does it; an admin, except to leave"`
	Phones []string `json:"phones,omitempty" doc:"Phone numbers of whom it is about; none to leave"`
}

// changeGroup answers a route that changes who is in a group.
func (c *control) changeGroup(verb string) func(context.Context, *groupIn[membersIn]) (*out[Group], error) {
	return func(ctx context.Context, in *groupIn[membersIn]) (*out[Group], error) {
		g, err := c.ChangeGroup(ctx, in.Group, verb, in.Body.V.By, in.Body.V.Phones...)
		return &out[Group]{g}, err
	}
}

type subjectIn struct {
	By      string `json:"by" doc:"Phone number of a member"`
	Subject string `json:"subject" minLength:"1" maxLength:"100"`
}

func (c *control) renameGroup(ctx context.Context, in *groupIn[subjectIn]) (*out[Group], error) {
	g, err := c.RenameGroup(ctx, in.Group, in.Body.V.By, in.Body.V.Subject)
	return &out[Group]{g}, err
}
