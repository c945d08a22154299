"""What `make run` prints at the end: how to look at everything, poke it, and stop it."""

from __future__ import annotations

from . import erp_base, paths
from .connections import CRM, PORTAL
from .play import Deal
from .stack import Stack


def text(stack: Stack, deal: Deal) -> str:
    """The whole text; every command in it works as printed."""
    return "\n".join((
        _systems(stack), "", _read_books(stack), "", _webhook_by_hand(stack, deal), "", _next(deal),
    ))


def _systems(stack: Stack) -> str:
    instance = stack.instance
    password = paths.shown(instance.books / "admin-password")
    return f"""Where everything is
  CRM  HubSpot stand-in   {instance.url("hubspot")}/
  PSA  Kantata stand-in   {instance.url("kantata")}/
  ERP  Tryton             {instance.url("tryton")}/{erp_base.DATABASE}/  (REST; or the Tryton client: user admin, password in {password})
  Cash localstripe        curl -u {instance.secrets["stripe_api_key"]}: {instance.url("stripe")}/v1/payment_intents
  AWS  MiniStack          export AWS_ENDPOINT_URL={instance.endpoint} AWS_ACCESS_KEY_ID={instance.account} \\
                                 AWS_SECRET_ACCESS_KEY=test AWS_DEFAULT_REGION=us-east-1
  API                     {stack.api_url}
  Table                   {stack.table}
  Logs                    {paths.shown(instance.directory)}/*.log"""


def _read_books(stack: Stack) -> str:
    ids = erp_base.identifiers(stack.instance.books)
    address = f"{stack.instance.url('tryton')}/{erp_base.DATABASE}/rest/model/account.invoice"
    fields = "&".join(f"f={name}" for name in ("number", "state", "total_amount", "amount_to_pay", "move.number"))
    return f"""Read the invoices in Tryton's books
  curl -s '{address}?{fields}' \\
    -H 'Authorization: bearer {ids["key"]}'"""


def _webhook_by_hand(stack: Stack, deal: Deal) -> str:
    secret = stack.instance.secrets["hubspot_client_secret"]
    return f"""Send a webhook by hand: HubSpot says once more that the deal's quote was approved (v3 signature)
  URL='{stack.webhook_url(CRM)}'
  TIMESTAMP=$(($(date +%s) * 1000))
  BODY='[{{"eventId":'$TIMESTAMP',"subscriptionId":12345,"portalId":{PORTAL},"appId":54321,"occurredAt":'$TIMESTAMP',"subscriptionType":"deal.propertyChange","attemptNumber":0,"objectId":{deal.deal},"propertyName":"quote_status","propertyValue":"APPROVED","changeSource":"CRM_UI","sourceId":"userId:99"}}]'
  SIGNATURE=$(printf '%s' "POST$URL$BODY$TIMESTAMP" | openssl dgst -sha256 -hmac '{secret}' -binary | base64)
  curl -i "$URL" -H 'Content-Type: application/json' -H "X-HubSpot-Request-Timestamp: $TIMESTAMP" \\
    -H "X-HubSpot-Signature-v3: $SIGNATURE" --data-raw "$BODY\""""


def _next(deal: Deal) -> str:
    return f"""Go on
  python3 -m local timeline {deal.engagement}
  make run      plays a second deal on the same systems
  make watch    runs the functions from your sources, reloaded as you edit
  make stop     stops everything that was started here, and nothing else"""
