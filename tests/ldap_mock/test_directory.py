"""The tree: glue, scopes, and what is told of names that are not there."""

import pytest

from ldap_mock.directory import Entry, NoSuchObject, Tree
from ldap_mock.dn import ROOT, parse_dn
from ldap_mock.messages import Scope
from tests.ldap_mock.sample import CA, CDP, ROUTERS, TREE, entry


def names(base: str, scope: Scope) -> list[str]:
    return [str(each.dn) for each in TREE.search(parse_dn(base), scope)]


def test_scopes() -> None:
    routers = [str(each.dn) for each in ROUTERS]
    assert names("ou=routers,o=lab", Scope.BASE) == ["OU=routers,O=Lab"]
    assert names("ou=routers,o=lab", Scope.ONE_LEVEL) == routers
    assert names("ou=routers,o=lab", Scope.SUBTREE) == ["OU=routers,O=Lab", *routers]
    assert names("ou=routers,o=lab", Scope.SUBORDINATE_SUBTREE) == routers
    assert names("o=lab", Scope.ONE_LEVEL) == ["CN=ca-1,O=Lab", "OU=routers,O=Lab"]
    assert names("cn=r1,ou=routers,o=lab", Scope.ONE_LEVEL) == []


def test_everything_is_below_the_root() -> None:
    assert len(names("", Scope.SUBTREE)) == len(TREE)
    assert names("", Scope.ONE_LEVEL) == ["O=Lab", "DC=example"]
    assert names("", Scope.BASE) == []


def test_parents_come_before_their_children() -> None:
    seen = set()
    for each in TREE.search(ROOT, Scope.SUBTREE):
        assert each.dn.parent == ROOT or each.dn.parent in seen
        seen.add(each.dn)


def test_missing_parents_become_entries_of_a_fitting_class() -> None:
    def of(dn: str) -> dict[str, tuple[bytes, ...]]:
        return dict(TREE.find(parse_dn(dn)).attributes)

    assert of("O=Lab") == {"objectClass": (b"top", b"organization"), "o": (b"Lab",)}
    assert of("OU=routers,O=Lab")["objectClass"] == (b"top", b"organizationalUnit")
    assert of("DC=example")["objectClass"] == (b"top", b"domain")
    assert of(CDP.partition(",")[2])["objectClass"] == (b"top", b"container")
    odd = Tree([entry("CN=x,serialNumber=7+description=y", "top")])
    assert odd.roots[0].attributes["description"] == (b"y",)


@pytest.mark.parametrize(
    ("dn", "matched"),
    [
        ("CN=x,OU=routers,O=Lab", "OU=routers,O=Lab"),
        ("CN=x,OU=y,O=Lab", "O=Lab"),
        ("O=other", ""),
    ],
)
def test_the_nearest_name_is_told(dn, matched) -> None:
    with pytest.raises(NoSuchObject) as caught:
        TREE.search(parse_dn(dn), Scope.SUBTREE)
    assert str(caught.value.matched) == matched


def test_of_two_entries_of_one_name_the_later_stands() -> None:
    later = Entry(parse_dn("cn=CA-1, o=lab"), {"cn": (b"later",)})
    tree = Tree([CA, later])
    assert tree.find(CA.dn) is later
    assert len(tree) == 2  # and O=Lab


def test_an_entry_that_comes_after_its_glue_takes_its_place() -> None:
    own = entry("O=Lab", "top organization", o=b"Lab", description=b"ours")
    tree = Tree([CA, own])
    assert tree.find(own.dn) is own
    assert [each.dn for each in tree.search(ROOT, Scope.SUBTREE)] == [own.dn, CA.dn]
    assert tree.has_subordinates(own.dn)
    assert not tree.has_subordinates(CA.dn)
