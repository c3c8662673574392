"""The simulator engine: a session that links by itself and talks to the virtual world."""

from engines.simulator.business import Business
from engines.simulator.chats import Chats
from engines.simulator.contacts import Contacts
from engines.simulator.feeds import Feeds
from engines.simulator.groups import Groups
from engines.simulator.profile import Profile


class Simulator(Business, Chats, Contacts, Groups, Feeds, Profile):
    """One session with everything a session can do; constructed as `Life` is."""
