"""New static regions: a place of the picture that changed and stayed so, whatever it is."""
