/// The ZIP64 field of a directory entry: 64-bit numbers for those that have all bits set in the
/// entry itself, in the order in which they stand there.
struct WideNumbers {
  private var numbers: [UInt64] = []
  private var used = 0

  /// Looks for the field among the extra fields of an entry.
  ///
  /// - Parameters:
  ///   - extra: All extra fields.
  ///   - refuse: Makes an error about the entry.
  /// - Throws: If the fields do not fill their place exactly, or the field occurs twice.
  init(
    _ extra: ZipRecord, refuse: (String, String?) -> FormatError
  ) throws(FormatError) {
    var position = 0
    var isFound = false
    while position < extra.count {
      guard extra.count - position >= 4,
        extra.count - position - 4 >= Int(extra.u16(position + 2))
      else { throw refuse("its extra fields are cut short", nil) }
      let byteCount = Int(extra.u16(position + 2))
      if extra.u16(position) == ZipLayout.extra64 {
        guard !isFound else { throw refuse("two ZIP64 fields", nil) }
        isFound = true
        guard byteCount % 8 == 0, byteCount <= 24 else {
          throw refuse("a ZIP64 field of \(byteCount) bytes", nil)
        }
        numbers = (0..<byteCount / 8).map { extra.u64(position + 4 + 8 * $0) }
      }
      position += 4 + byteCount
    }
  }

  /// The number that a 32-bit one stands for: itself, or the next wide one where it has all bits set.
  mutating func take(_ narrow: UInt32) -> UInt64? {
    guard narrow == .max else { return UInt64(narrow) }
    guard used < numbers.count else { return nil }
    used += 1
    return numbers[used - 1]
  }

  /// Whether no number is left over that nothing stood for.
  var isUsedUp: Bool { used == numbers.count }
}
