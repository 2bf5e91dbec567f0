"""Canonical entities of marketing: campaigns, whom they reached, what they gave, how they are tested; what visitors do.

Lives here: campaign, touch, assignment, incentive, incentive use and event. Stays out: every other entity (`entities`).
"""

from __future__ import annotations

from pipelines.contracts.columns import Table, flag, instant, money, text
from pipelines.contracts.shared import ACCOUNT_SOURCE, CURRENCY, KNOWN_AT, ORDER_SOURCE

CAMPAIGN = Table(
    "campaign",
    "A marketing campaign.",
    ("campaign_id",),
    (
        text("campaign_id", "Native id of the campaign", required=True),
        text("name", "Name"),
        text("kind", "Kind"),
        instant("starts_at", "Start"),
        instant("ends_at", "End"),
        money("budget", "Budget", unit="currency of the row"),
        text("currency", "ISO 4217 code of the budget"),
        text("owner", "Who answers for it"),
        text("hypothesis", "What it is meant to show"),
        KNOWN_AT,
    ),
)

TOUCH = Table(
    "touch",
    "A message or call by which a campaign reached out to an account.",
    ("touch_id",),
    (
        text("touch_id", "Native id of the touch", required=True),
        text("campaign_id", "Campaign it belongs to", required=True),
        ACCOUNT_SOURCE,
        text("source_customer_id", "Account that was addressed", required=True, identifier="account_id"),
        text("channel", "Channel of contact, such as email, sms, push, phone or mail", required=True),
        instant("sent_at", "When it was sent", required=True),
        flag("delivered", "It arrived", null_means="the sender does not say"),
        instant("opened_at", "When it was first opened", null_means="not opened, or not known"),
        instant("clicked_at", "When a link in it was first followed", null_means="not followed, or not known"),
        instant("unsubscribed_at", "When the account unsubscribed by it", null_means="it did not, or not known"),
        flag("bounced", "It came back", null_means="the sender does not say"),
        flag("complaint", "The account reported it as unwanted", null_means="the sender does not say"),
        money("cost", "Cost of sending it", unit="currency of the row", null_means="not known"),
        text("currency", "ISO 4217 code of the cost"),
        text("content_category", "What it was about"),
        KNOWN_AT,
    ),
)

CONTROL_ARMS = ("control", "holdout")
"""Names of the arm that is not treated."""

ASSIGNMENT = Table(
    "assignment",
    "The arm of an experiment that an account was drawn into before anyone was treated.",
    ("experiment_id", "source_customer_id"),
    (
        text("experiment_id", "Native id of the experiment", required=True),
        text(
            "campaign_id",
            "Campaign whose effect the experiment measures",
            null_means="the campaign that has the experiment's id",
        ),
        ACCOUNT_SOURCE,
        text("source_customer_id", "Account that was drawn", required=True, identifier="account_id"),
        text("arm", f"Arm; {' or '.join(CONTROL_ARMS)} is not treated, any other name is a treatment", required=True),
        instant("assigned_at", "When it was drawn", required=True),
        text("stratum", "Group within which it was drawn", null_means="drawn from all"),
        text("salt", "What was hashed with the account to draw the arm", null_means="not told"),
        KNOWN_AT,
    ),
)

INCENTIVE = Table(
    "incentive",
    "A benefit granted to a customer.",
    ("incentive_id",),
    (
        text("incentive_id", "Native id of the grant", required=True),
        ACCOUNT_SOURCE,
        text("source_customer_id", "Account it was granted to", identifier="account_id"),
        text(
            "kind", "Kind", required=True, values=("coupon", "points", "gift", "cashback", "referral_reward", "staff")
        ),
        instant("granted_at", "When it was granted", required=True),
        instant("expires_at", "When it expires"),
        money("face_value", "Value on its face", unit="currency of the row"),
        CURRENCY,
        text("funder", "Who pays for it", required=True, values=("merchant", "platform", "influencer")),
        text("campaign_id", "Campaign it belongs to"),
        text("audience_rule", "Who may use it", values=("new_only", "all", "targeted")),
        KNOWN_AT,
    ),
)

INCENTIVE_USE = Table(
    "incentive_use",
    "A use of a granted benefit in an order.",
    ("incentive_id", "order_id"),
    (
        text("incentive_id", "Grant that is used", required=True),
        ORDER_SOURCE,
        text("order_id", "Order in which it is used", required=True),
        money("amount", "Value used", required=True, unit="currency of the row"),
        CURRENCY,
        instant("at", "When it was used", required=True),
        KNOWN_AT,
    ),
)

EVENT = Table(
    "event",
    "Something that a visitor did in a shop's site, app or mini program.",
    ("event_id",),
    (
        text("event_id", "Native id of the event", required=True),
        ACCOUNT_SOURCE,
        text(
            "anonymous_id",
            "Id by which the site or app knows the visitor's browser or installation",
            null_means="the visitor is not told from others",
            identifier="anonymous_id",
        ),
        text(
            "source_customer_id",
            "Account that was logged in",
            null_means="nobody was logged in",
            identifier="account_id",
        ),
        instant("at", "When it happened", required=True),
        text(
            "name",
            "What happened: page_view, product_view, search, add_to_cart, begin_checkout, purchase, login, share and the like",
            required=True,
        ),
        text("sku", "Stock keeping unit concerned", null_means="no single one"),
        text("category", "Category concerned", null_means="no single one"),
        money("value", "Value that the event states, such as that of the cart", unit="currency of the row"),
        text("currency", "ISO 4217 code of the value"),
        text("session_id", "Visit that the event is part of"),
        text("utm_source", "Source of the visit, as the link that brought it says"),
        text("utm_medium", "Medium of the visit, likewise"),
        text("utm_campaign", "Campaign of the visit, likewise"),
        text("device", "Id of the device: an advertising or vendor id, not its model", identifier="device_id"),
        text("url", "Address of the page; host and path are kept, nothing else of it"),
        text(
            "consent_state",
            "What the visitor had said to tracking",
            values=("granted", "denied", "unknown"),
            null_means="the source does not say",
        ),
        KNOWN_AT,
    ),
)
