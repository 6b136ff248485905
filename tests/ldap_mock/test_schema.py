"""The schema's tables: whole in themselves, and readable for clients."""

import pytest
from ldap3.protocol.rfc4512 import AttributeTypeInfo, MatchingRuleInfo, ObjectClassInfo

from ldap_mock import schema


def test_no_name_and_no_oid_stands_twice() -> None:
    types = [word.lower() for row in schema.ATTRIBUTE_TYPES for word in (row.oid, *row.names)]
    classes = [word.lower() for row in schema.OBJECT_CLASSES for word in (row.oid, row.name)]
    assert len(types) == len(set(types))
    assert len(classes) == len(set(classes))


def test_the_rows_refer_to_rows_that_are_there() -> None:
    for row in schema.ATTRIBUTE_TYPES:
        assert not row.superior or schema.attribute_type(row.superior)
        rules = {row.kind.equality, row.kind.substrings, row.kind.ordering} - {""}
        assert rules <= set(schema.MATCHING_RULES)
    for each in schema.OBJECT_CLASSES:
        assert not each.superior or schema.object_class(each.superior)
        assert [name for name in (*each.must, *each.may) if not schema.attribute_type(name)] == []


@pytest.mark.parametrize(
    ("name", "canonical"),
    [
        ("CN", "cn"),
        ("commonname", "cn"),
        ("2.5.4.39", "certificateRevocationList"),
        ("oid.2.5.4.37", "cACertificate"),
        ("USERCERTIFICATE", "userCertificate"),
        ("e", "emailAddress"),
    ],
)
def test_a_type_is_known_by_any_of_its_names(name, canonical) -> None:
    row = schema.attribute_type(name)
    assert row
    assert row.name == canonical


def test_superclasses_come_with_a_class() -> None:
    assert schema.with_superclasses(["inetOrgPerson", "nonsuch"]) == {
        *("2.16.840.1.113730.3.2.2", "2.5.6.7", "2.5.6.6", "2.5.6.0", "nonsuch")
    }


def test_ldap3_reads_the_definitions() -> None:
    told = {name: [each.decode() for each in values] for name, values in schema.subschema().items()}
    types = AttributeTypeInfo.from_definition(told["attributeTypes"])
    crl = types["certificateRevocationList"]
    assert (crl.oid, crl.syntax) == ("2.5.4.39", "1.3.6.1.4.1.1466.115.121.1.9")
    assert types["cn"].superior == ["name"]
    assert types["namingContexts"].no_user_modification
    classes = ObjectClassInfo.from_definition(told["objectClasses"])
    assert classes["pkiCA"].kind == "AUXILIARY"
    assert "cACertificate" in classes["pkiCA"].may_contain
    assert classes["cRLDistributionPoint"].must_contain == ["cn"]
    assert MatchingRuleInfo.from_definition(told["matchingRules"])["certificateExactMatch"].oid == "2.5.13.34"
