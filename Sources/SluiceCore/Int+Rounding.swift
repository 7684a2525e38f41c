extension Int {
  /// The nearest multiple of a power of two that is not above the value.
  package func roundedDown(to alignment: Int) -> Int { self & -alignment }
  /// The nearest multiple of a power of two that is not below the value.
  package func roundedUp(to alignment: Int) -> Int { (self + alignment - 1) & -alignment }
}
