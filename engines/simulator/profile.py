"""How a simulated account shows itself, and the calls that ring on it."""

from engines import base
from engines.simulator.life import Life


class Profile(Life):
    """`engines.verbs.ProfileVerbs` and `CallVerbs`."""

    def set_profile_name(self, name: str) -> None:
        """Be called that from now on."""
        self._ready()
        with self._world.change():
            self._account.name = name
            self._world.save_profile(self._account)
        self._save_credentials()

    def set_about(self, text: str) -> None:
        """Say that about oneself; empty says nothing."""
        self._ready()
        with self._world.change():
            self._account.about = text
            self._world.save_profile(self._account)

    def set_picture(self, path: str | None) -> None:
        """Show the image in that file, or none."""
        self._ready()
        try:
            digest = None if path is None else self._world.blobs.keep(path)
        except OSError as error:
            raise base.EngineError("The image file could not be read") from error
        with self._world.change():
            self._account.picture = digest and f"https://pps.whatsapp.net/v/simulator/{digest[:32]}.jpg"
            self._world.save_profile(self._account)

    def reject_call(self, call_id: str) -> None:
        """Do not take a call. Raises NotOnAccount for one that does not ring."""
        self._ready()
        with self._world.change():
            if self._account.calls.pop(call_id, None) is None:
                raise base.NotOnAccount(f"Call {call_id} not found")
