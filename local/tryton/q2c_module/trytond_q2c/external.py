# SPDX-License-Identifier: GPL-3.0-or-later
"""A unique identifier the client sets when it creates a record.

Tryton's own keys are given by Tryton, so a client whose create call timed out
cannot tell whether the record exists. With this field it can: it asks for the
identifier, and a second create is refused by the database.
"""

from trytond.model import Unique, fields
from trytond.pool import PoolMeta
from trytond.pyson import Bool, Eval


class ExternalID:
    __slots__ = ()
    external_id = fields.Char(
        "External ID", strip=False,
        # Set once: by the client on creation, or by a person who knows
        # whose record this is.
        states={'readonly': (Eval('id', -1) >= 0) & Bool(Eval('external_id'))})

    @classmethod
    def __setup__(cls):
        cls.external_id.search_unaccented = False
        super().__setup__()
        table = cls.__table__()
        cls._sql_constraints += [
            ('external_id_unique', Unique(table, table.external_id),
                'q2c.msg_external_id_unique')]

    @classmethod
    def copy(cls, records, default=None):
        default = default.copy() if default is not None else {}
        default.setdefault('external_id')
        return super().copy(records, default=default)


class Party(ExternalID, metaclass=PoolMeta):
    __name__ = 'party.party'
    parent_party = fields.Many2One(
        'party.party', "Parent",
        help="The company that this one belongs to.")


class Invoice(ExternalID, metaclass=PoolMeta):
    __name__ = 'account.invoice'


class InvoiceLine(ExternalID, metaclass=PoolMeta):
    __name__ = 'account.invoice.line'


class Statement(ExternalID, metaclass=PoolMeta):
    __name__ = 'account.statement'


class Payment(ExternalID, metaclass=PoolMeta):
    __name__ = 'account.payment'


class Work(ExternalID, metaclass=PoolMeta):
    __name__ = 'project.work'


class TimesheetLine(ExternalID, metaclass=PoolMeta):
    __name__ = 'timesheet.line'
