"""Experiments that train and compare classifiers, in tasks that can be stopped and continued."""
