"""The site as an app on the home screen: manifest, service worker, and the page that is shown without a network."""
