"""Pictures to be answered for, one after another: from files, archives, lists, videos and cameras."""
