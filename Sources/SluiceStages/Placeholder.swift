internal import SluiceCore
