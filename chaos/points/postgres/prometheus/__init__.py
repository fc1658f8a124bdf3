"""The faulty backend under the one of django-prometheus."""
