package convert

import (
	"strings"

	"go.mau.fi/whatsmeow/proto/waE2E"

	"whatsapp-api/store"
)

func readOrder(m *waE2E.Message, r *Reading) {
	x := m.GetOrderMessage()
	r.Type, r.Text = TypeOrder, firstOf(x.GetMessage(), x.GetOrderTitle())
	o := &store.Order{
		ID: x.GetOrderID(), Token: x.GetToken(), Title: x.GetOrderTitle(), Text: x.GetMessage(), Items: count(x.GetItemCount()),
		Seller: x.GetSellerJID(), Total1000: x.GetTotalAmount1000(), Currency: x.GetTotalCurrencyCode(), CatalogID: x.GetCatalogType(),
	}
	if x.Status != nil {
		o.Status = strings.ToLower(x.GetStatus().String())
	}
	r.Content.Order = o
}

func readProduct(m *waE2E.Message, r *Reading) {
	x := m.GetProductMessage()
	p := productOf(x)
	r.Type, r.Text, r.Content.Product = TypeProduct, firstOf(x.GetBody(), p.Title, p.Catalog), p
	if image := x.GetProduct().GetProductImage(); image != nil {
		r.Media = imageOf(image)
	} else if image := x.GetCatalog().GetCatalogImage(); image != nil {
		r.Media = imageOf(image)
	}
}

func productOf(x *waE2E.ProductMessage) *store.Product {
	p := x.GetProduct()
	return &store.Product{
		ID: p.GetProductID(), RetailerID: p.GetRetailerID(), Title: p.GetTitle(), Description: firstOf(p.GetDescription(), x.GetCatalog().GetDescription()),
		URL: p.GetURL(), Price1000: p.GetPriceAmount1000(), SalePrice1000: p.GetSalePriceAmount1000(), Currency: p.GetCurrencyCode(),
		Images: count(p.GetProductImageCount()), Catalog: x.GetCatalog().GetTitle(), Owner: x.GetBusinessOwnerJID(), Body: x.GetBody(), Footer: x.GetFooter(),
	}
}

// readPayment tells the words beside a payment. Payments are no type that is understood further.
func readPayment(m *waE2E.Message, r *Reading) {
	r.note = m.GetSendPaymentMessage().GetNoteMessage()
	if r.note == nil {
		r.note = m.GetRequestPaymentMessage().GetNoteMessage()
	}
	r.Text = firstOf(m.GetInvoiceMessage().GetNote(), m.GetPaymentReminderMessage().GetDescription(), m.GetSplitPaymentMessage().GetDescription())
}
