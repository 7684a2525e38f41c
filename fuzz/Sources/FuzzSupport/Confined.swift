/// What inputs share, though it is not made for several threads: libFuzzer calls from one.
public struct Confined<Value>: @unchecked Sendable {
  /// What they share.
  public let value: Value

  /// Wraps it.
  public init(_ value: Value) { self.value = value }
}
