package import SluiceCore

/// One tensor of a file of weights: what the file says about it, checked.
///
/// A class, since many lists hold the tensors of a file, and a file may have ten thousands.
package final class TensorEntry: Sendable {
  /// The name, free text; never to be used as a path.
  package let name: String
  /// The element type.
  package let dtype: DType
  /// The dimensions.
  package let shape: TensorShape
  /// Where the elements are, in bytes from the start of the file: from the first to the last.
  package let byteRange: Range<Int>
  /// How they lie there, if not one after the other.
  package let view: StridedView?
  /// How they are packed; the type is then that of the unpacked elements.
  package let packed: PackedView?

  /// Describes a tensor.
  package init(
    name: String, dtype: DType, shape: TensorShape, byteRange: Range<Int>, view: StridedView? = nil
  ) {
    self.name = name
    self.dtype = dtype
    self.shape = shape
    self.byteRange = byteRange
    self.view = view
    packed = nil
  }

  /// Describes packed weights.
  package init(
    name: String, dtype: DType, shape: TensorShape, byteRange: Range<Int>, packed: PackedView
  ) {
    self.name = name
    self.dtype = dtype
    self.shape = shape
    self.byteRange = byteRange
    view = nil
    self.packed = packed
  }

  /// The number of bytes that the elements take, one after the other.
  package var byteCount: Int {
    view == nil ? byteRange.count : dtype.byteCount(ofElements: shape.elementCount) ?? 0
  }
}

extension TensorEntry: Hashable {
  /// Whether all that is said of two tensors is the same.
  package static func == (a: TensorEntry, b: TensorEntry) -> Bool {
    a === b
      || (a.name, a.dtype, a.shape, a.byteRange, a.view, a.packed)
        == (b.name, b.dtype, b.shape, b.byteRange, b.view, b.packed)
  }

  /// Hashes what tells the tensors of a file apart.
  package func hash(into hasher: inout Hasher) {
    hasher.combine(name)
    hasher.combine(byteRange)
  }
}

extension DType {
  /// The number of bytes that so many packed elements take, or nil if it is no whole number of
  /// bytes or does not fit an `Int`.
  ///
  /// - Parameter elementCount: The number of elements, not negative.
  /// - Returns: The number of bytes.
  package func byteCount(ofElements elementCount: Int) -> Int? {
    // Widths are multiples of 8 bits or, packed, of 2: whole bytes first keeps the product small.
    let (bits, overflow) = elementCount.multipliedReportingOverflow(by: bitCount)
    if !overflow { return bits % 8 == 0 ? bits / 8 : nil }
    guard let byteCount else { return nil }
    let (bytes, tooMany) = elementCount.multipliedReportingOverflow(by: byteCount)
    return tooMany ? nil : bytes
  }
}
