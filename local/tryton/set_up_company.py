#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Set up a company in a fresh Tryton database, without a person at a wizard.

usage: set_up_company.py CONFIGURATION DATABASE

Writes ids.json beside the configuration: the records a client needs, by
meaning, and the REST keys of the two technical users.
"""

import datetime
import json
import sys
from decimal import Decimal
from pathlib import Path

from proteus import Model, Wizard
from proteus import config as proteus

COMPANY = "Northwind Consulting Inc"
GROUPS = {
    "Accounting", "Account Credit Limit", "Party Administration",
    "Project Administration", "Timesheet Administration", "Project Invoice",
    "Payment", "Payment Approval", "Statement",
    }
WEBHOOK_STATES = ("posted", "paid")


def get(name):
    return Model.get(name)


def create(model, /, **values):
    record = get(model)(**values)
    record.save()
    return record


def fiscal_years():
    """Last year, this one and the next: every date a demonstration can use."""
    year = datetime.date.today().year
    return (year - 1, year, year + 1)


def finish_module_wizards():
    for item in get("ir.module.config_wizard.item").find(
            [("state", "!=", "done")]):
        item.state = "done"
        item.save()


def set_up_currencies():
    def currency(code, name, symbol, rate):
        found = get("currency.currency").find([("code", "=", code)])
        if found:
            return found[0]
        record = get("currency.currency")(
            code=code, name=name, symbol=symbol, rounding=Decimal("0.01"),
            digits=2)
        record.rates.new(
            date=datetime.date(fiscal_years()[0], 1, 1), rate=Decimal(rate))
        record.save()
        return record
    return {
        "USD": currency("USD", "US Dollar", "$", "1"),
        "EUR": currency("EUR", "Euro", "€", "0.9"),
        }


def set_up_countries():
    for code, code3, numeric, name in (
            ("US", "USA", "840", "United States"),
            ("GB", "GBR", "826", "United Kingdom"),
            ("DE", "DEU", "276", "Germany")):
        create("country.country", name=name, code=code, code3=code3,
            code_numeric=numeric)


def set_up_company(session, currency):
    if get("company.company").find([]):
        sys.exit("company exists already")
    wizard = Wizard("company.company.config")
    wizard.execute("company")
    wizard.form.party = create("party.party", name=COMPANY)
    wizard.form.currency = currency
    wizard.execute("add")
    session._context = get("res.user").get_preferences(True, {})
    company, = get("company.company").find([])
    return company


def set_up_chart(session, company):
    template = get("account.account.template")(get("ir.model.data").get_id(
            "account", "account_template_root_en", session.context))
    wizard = Wizard("account.create_chart")
    wizard.execute("account")
    wizard.form.account_template = template
    wizard.form.company = company
    wizard.execute("create_account")

    def account(*domain):
        return get("account.account").find([
                ("company", "=", company.id), ("closed", "!=", True), *domain],
            limit=1)[0]
    accounts = {
        "receivable": account(("type.receivable", "=", True)),
        "payable": account(("type.payable", "=", True)),
        "revenue": account(("type.revenue", "=", True)),
        "expense": account(("type.expense", "=", True)),
        "cash": account(("code", "=", "1.1.1")),
        "tax": account(("code", "=", "6.3.6")),
        }
    wizard.form.account_receivable = accounts["receivable"]
    wizard.form.account_payable = accounts["payable"]
    for field, kind in (
            ("category_account_expense", "expense"),
            ("category_account_revenue", "revenue")):
        if hasattr(wizard.form, field):
            setattr(wizard.form, field, accounts[kind])
    wizard.execute("create_properties")
    return accounts


def set_up_fiscal_years(company):
    def sequence(kind, name, prefix):
        type_, = get("ir.sequence.type").find([("name", "=", kind)], limit=1)
        return create("ir.sequence.strict", name=name, sequence_type=type_,
            company=company, prefix=prefix, padding=5)
    for year in fiscal_years():
        fiscal_year = get("account.fiscalyear")(
            name=str(year), company=company,
            start_date=datetime.date(year, 1, 1),
            end_date=datetime.date(year, 12, 31))
        fiscal_year.move_sequence = sequence(
            "Account Move", f"Move {year}", f"M{year}-")
        sequences, = fiscal_year.invoice_sequences
        for field, name, prefix in (
                ("out_invoice_sequence", "Customer invoice", "INV"),
                ("out_credit_note_sequence", "Customer credit", "CN"),
                ("in_invoice_sequence", "Supplier invoice", "SI"),
                ("in_credit_note_sequence", "Supplier credit", "SC")):
            setattr(sequences, field, sequence(
                    "Invoice", f"{name} {year}", f"{prefix}{year}-"))
        fiscal_year.save()
        fiscal_year.click("create_period")


def set_up_taxes(company, account):
    def tax(name, rate):
        record = create("account.tax", name=name, description=name,
            type="percentage", rate=Decimal(rate), company=company,
            invoice_account=account, credit_note_account=account)
        for amount in ("base", "tax"):
            for kind in ("invoice", "credit"):
                code = get("account.tax.code")(
                    name=f"{name} {amount} {kind}", company=company)
                line = code.lines.new()
                line.operator, line.tax = "+", record
                line.amount, line.type = amount, kind
                code.save()
        return record
    return {
        "SALES-10": tax("Sales tax 10%", "0.10"),
        "EXEMPT": tax("Exempt 0%", "0"),
        }


def set_up_products(accounts, tax):
    category = get("product.category")(
        name="Services", code="SERVICES", accounting=True,
        account_expense=accounts["expense"],
        account_revenue=accounts["revenue"])
    category.customer_taxes.append(get("account.tax")(tax.id))
    category.save()
    hour, = get("product.uom").find([("name", "=", "Hour")])
    unit, = get("product.uom").find([("name", "=", "Unit")])
    # A unit of its own for fees: with the stock unit, a part of a fee rounds to nothing.
    fee = create("product.uom", name="Fee", symbol="fee",
        category=unit.category, factor=1, rate=1, rounding=0.0001, digits=4)

    def service(code, name, uom, price):
        return create("product.template", name=name, code=code,
            type="service", default_uom=uom, list_price=Decimal(price),
            account_category=category).products[0]
    return {
        "fixed_product": service(
            "SVC-FIXED", "Fixed-fee milestone", fee, "1000").id,
        "fixed_unit": fee.id,
        "hour_product": service(
            "SVC-HOUR", "Consulting hour", hour, "200").id,
        "hour_unit": hour.id,
        }


def set_up_cash(company, currency, accounts):
    cash = accounts["cash"]
    cash_journal, = get("account.journal").find(
        [("type", "=", "cash")], limit=1)
    create("account.invoice.payment.method", name="Bank", company=company,
        journal=cash_journal, credit_account=cash, debit_account=cash)
    journal = create("account.journal", name="Bank statement", code="STA",
        type="statement")
    statement = create("account.statement.journal", name="Bank",
        journal=journal, currency=currency, account=cash,
        validation="amount", company=company)
    clearing = create("account.account", name="Payment clearing",
        code="1.1.9", company=company, type=cash.type, reconcile=True,
        deferral=True, parent=cash.parent)
    create("account.payment.journal", name="Card/ACH",
        process_method="manual", currency=currency, company=company,
        clearing_account=clearing, clearing_journal=cash_journal)
    return statement


def set_up_users(company):
    """The technical user the product signs in as, and an administrator's key."""
    party = create("party.party", name="Ada Consultant")
    employee = create("company.employee", party=party, company=company)
    user = get("res.user")(
        name="Middleware", login="q2c", email="q2c@example.invalid")
    user.companies.append(get("company.company")(company.id))
    user.company = get("company.company")(company.id)
    user.employees.append(get("company.employee")(employee.id))
    user.employee = get("company.employee")(employee.id)
    user.save()
    user = get("res.user")(user.id)
    for group in get("res.group").find([]):
        if group.name in GROUPS:
            user.groups.append(get("res.group")(group.id))
    user.save()
    admin, = get("res.user").find([("login", "=", "admin")])

    def key(owner):
        return create("res.user.application",
            user=get("res.user")(owner.id), application="rest").key
    return {"key": key(user), "admin_key": key(admin)}


def set_up_webhook():
    """One trigger per state: a trigger fires when its condition becomes true."""
    model, = get("ir.model").find([("name", "=", "account.invoice")])
    for state in WEBHOOK_STATES:
        condition = {
            "__class__": "Equal",
            "s1": {
                "__class__": "Get",
                "v": {"__class__": "Eval", "v": "self", "d": {}},
                "k": "state", "d": ""},
            "s2": state,
            }
        create("ir.trigger", name=f"invoice-{state}", model=model,
            on_create_=True, on_write_=True, limit_number=0,
            action="q2c.webhook|notify", condition=json.dumps(condition))


def project_statuses():
    return {
        status.name.lower(): status.id
        for status in get("project.work.status").find([])}


def main(configuration, database):
    session = proteus.set_trytond(
        database, user="admin", config_file=configuration)
    finish_module_wizards()
    currencies = set_up_currencies()
    set_up_countries()
    company = set_up_company(session, currencies["USD"])
    accounts = set_up_chart(session, company)
    set_up_fiscal_years(company)
    taxes = set_up_taxes(company, accounts["tax"])
    products = set_up_products(accounts, taxes["SALES-10"])
    statement_journal = set_up_cash(company, currencies["USD"], accounts)
    keys = set_up_users(company)
    set_up_webhook()
    revenue_journal, = get("account.journal").find(
        [("type", "=", "revenue")], limit=1)
    terms = get("account.invoice.payment_term").find([])
    ids = {
        **keys, **products,
        "company": company.id,
        "currencies": {code: c.id for code, c in currencies.items()},
        "receivable_account": accounts["receivable"].id,
        "revenue_account": accounts["revenue"].id,
        "journal": revenue_journal.id,
        "statement_journal": statement_journal.id,
        "taxes": {code: t.id for code, t in taxes.items()},
        "payment_terms": {t.name: t.id for t in terms},
        "project_statuses": project_statuses(),
        }
    path = Path(configuration).parent / "ids.json"
    path.write_text(json.dumps(ids, indent=1), encoding="utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
