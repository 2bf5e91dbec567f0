"""Core tables of marketing: campaigns, touches, assignments to experiments and events.

Lives here: names, grain, columns and units, as `core` has them of the other tables. Stays out: how they are computed
(`dbt_project/models`).
"""

from __future__ import annotations

from pipelines.contracts.columns import Table, day, flag, instant, integer, money, text

_NO_ACCOUNT = "no source keeps a record of the account, and it never ordered"

DIM_CAMPAIGN = Table(
    "dim_campaign",
    "A campaign that a source describes, or that a touch or an experiment names, and how its effect is tested.",
    ("campaign_id",),
    (
        text("campaign_id", "Native id of the campaign", required=True),
        text("name", "Name", null_means="no source describes the campaign"),
        text("kind", "Kind"),
        instant("starts_at", "Start"),
        instant("ends_at", "End"),
        money("budget", "Budget", unit="currency of the row"),
        text("currency", "ISO 4217 code of the budget"),
        text("owner", "Who answers for it"),
        text("hypothesis", "What it is meant to show"),
        integer("touch_n", "Touches sent", required=True, unit="touches"),
        integer("control_n", "Customers drawn into the arm that is not treated", required=True, unit="customers"),
        integer("treated_n", "Customers drawn into a treated arm", required=True, unit="customers"),
        integer(
            "contaminated_n",
            "Customers whose accounts were drawn into both; they count in neither",
            required=True,
            unit="customers",
        ),
        instant("last_assigned_at", "When the last customer was drawn", null_means="no experiment"),
    ),
)

FCT_TOUCH = Table(
    "fct_touch",
    "A message or call by which a campaign reached out to an account, as known at the as-of day.",
    ("touch_key",),
    (
        text("touch_key", "Source and native id of the touch", required=True),
        text("source_system", "Source that reported it", required=True),
        text("account_key", "Account that was addressed", null_means=_NO_ACCOUNT),
        text("customer_id", "Person that was addressed", null_means=_NO_ACCOUNT),
        text("campaign_id", "Campaign it belongs to", required=True),
        text("contact_channel", "Channel of contact, such as email, sms, push, phone or mail", required=True),
        instant("sent_at", "When it was sent", required=True),
        instant("known_at", "When the company learnt of it", required=True),
        flag("is_delivered", "It arrived", null_means="the sender does not say"),
        instant("opened_at", "When it was first opened", null_means="not opened, or not known"),
        instant("clicked_at", "When a link in it was first followed", null_means="not followed, or not known"),
        instant("unsubscribed_at", "When the account unsubscribed by it", null_means="it did not, or not known"),
        flag("is_bounced", "It came back", null_means="the sender does not say"),
        flag("is_complaint", "The account reported it as unwanted", null_means="the sender does not say"),
        money("cost", "Cost of sending it", unit="currency of the row", null_means="not known"),
        text("currency", "ISO 4217 code of the cost"),
        text("content_category", "What it was about"),
    ),
)

FCT_ASSIGNMENT = Table(
    "fct_assignment",
    "The arm of an experiment that an account was drawn into before anyone was treated.",
    ("assignment_key",),
    (
        text("assignment_key", "Source, experiment and account", required=True),
        text("source_system", "Source that reported it", required=True),
        text("experiment_id", "Native id of the experiment", required=True),
        text("campaign_id", "Campaign whose effect it measures", required=True),
        text("account_key", "Account that was drawn", null_means=_NO_ACCOUNT),
        text("customer_id", "Person that was drawn", null_means=_NO_ACCOUNT),
        text("arm", "Arm by the name the source gives it", required=True),
        flag("is_control", "The arm is not treated", required=True),
        instant("assigned_at", "When it was drawn", required=True),
        instant("known_at", "When the company learnt of it", required=True),
        text("stratum", "Group within which it was drawn", null_means="drawn from all"),
    ),
)

FCT_EVENT = Table(
    "fct_event",
    "Something that a visitor did in a shop's site, app or mini program, and whose it is.",
    ("event_key",),
    (
        text("event_key", "Source and native id of the event", required=True),
        text("source_system", "Source that reported it", required=True),
        text(
            "event_name", "What happened, in the source's words: product_view, add_to_cart and the like", required=True
        ),
        instant("occurred_at", "When it happened", required=True),
        day("occurred_on", "Local business day of the event", required=True),
        instant("known_at", "When the company learnt it", required=True),
        text("account_key", "Account that was logged in", null_means="nobody was logged in"),
        text(
            "customer_id",
            "Person whose event it is",
            null_means="nobody in particular, or the account has neither a record nor an order",
        ),
        text(
            "attribution",
            "How the person is known: their account was logged in; they alone log in on the same browser or "
            "installation, at most the days of seed identity_id_types before or after; or not at all",
            required=True,
            values=("login", "stitched", "anonymous"),
        ),
        text(
            "anonymous_id_key",
            "Keyed hash of the id by which the site or app knows the browser or installation",
            null_means="the visitor is not told from others",
        ),
        text("session_id", "Visit that the event is part of"),
        text("sku", "Stock keeping unit concerned", null_means="no single one"),
        text("category", "Category concerned", null_means="no single one"),
        money("event_value", "Value that the event states, such as that of the cart", unit="currency of the row"),
        text("currency", "ISO 4217 code of the value"),
        text("utm_source", "Source of the visit, as the link that brought it says"),
        text("utm_medium", "Medium of the visit, likewise"),
        text("utm_campaign", "Campaign of the visit, likewise"),
        text(
            "consent_state",
            "What the visitor had said to tracking; an event without a login is stitched only where it is not denied",
            values=("granted", "denied", "unknown"),
            null_means="the source does not say",
        ),
    ),
)

PUBLISHED = (DIM_CAMPAIGN, FCT_TOUCH, FCT_ASSIGNMENT, FCT_EVENT)
"""The core tables of marketing, in the order in which they are published."""
