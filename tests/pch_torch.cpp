// Exists to make the precompiled header that the LibTorch test binaries share.
