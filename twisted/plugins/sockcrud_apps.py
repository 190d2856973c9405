"""Makes the apps that come with sockcrud known to it, in the order in which they are listed
everywhere.
"""

from sockcrud.apps import admin, members, messages, shop, users, way

users_app = users.app
messages_app = messages.app
shop_app = shop.app
way_app = way.app
members_app = members.app
admin_app = admin.app
