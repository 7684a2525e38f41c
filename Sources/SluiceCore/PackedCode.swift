/// What a code of packed weights stands for.
package enum PackedCode: String, Sendable, Hashable, CaseIterable {
  /// One byte: 4 bits of exponent, 3 of fraction.
  case e4m3
  /// Half a byte, the lower half first: 2 bits of exponent, 1 of fraction.
  case e2m1
  /// Half a byte, the lower half first: the integer plus 8.
  case int4

  /// The bits of a code.
  package var bitCount: Int { self == .e4m3 ? 8 : 4 }
}
