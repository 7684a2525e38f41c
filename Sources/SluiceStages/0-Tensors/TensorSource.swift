package import SluiceCore
package import SluiceFormats

/// Where the elements of one tensor of one model lie.
package struct TensorSource: Sendable, Hashable {
  /// The ordinal of the file in the run's list of input files.
  package let file: Int
  /// The type of the elements.
  package let dtype: DType
  /// The bytes of the tensor in that file.
  package let byteRange: Range<Int>
  /// How the elements lie there, if not one after the other.
  package let view: StridedView?
  /// How they are packed; the type is then that of the unpacked elements.
  package let packed: PackedView?
  /// The number of the deltas that are computed and added, if there are any (`DeltaSource`).
  package let computed: Int?
  /// Which rows they are of the model's; the type is then F32.
  package let matched: MatchedRows?

  /// Describes a source.
  ///
  /// - Parameters:
  ///   - file: The ordinal of the file.
  ///   - dtype: The type of the elements.
  ///   - byteRange: The bytes of the tensor in that file.
  ///   - view: How the elements lie there, if not one after the other.
  ///   - packed: How they are packed, if they are.
  ///   - computed: The number of the deltas that are computed and added.
  package init(
    file: Int, dtype: DType, byteRange: Range<Int>, view: StridedView? = nil,
    packed: PackedView? = nil, computed: Int? = nil
  ) {
    matched = nil
    self.file = file
    self.dtype = dtype
    self.byteRange = byteRange
    self.view = view
    self.packed = packed
    self.computed = computed
  }

  /// A model's tensor with its rows in the order of the base's.
  package init(_ matched: MatchedRows) {
    (file, byteRange) = (matched.own.file, matched.own.byteRange)
    dtype = .f32
    (view, packed, computed) = (nil, nil, nil)
    self.matched = matched
  }

  /// The type that holds its elements, where they are read as Float32 only to be put in order.
  package var storedDType: DType { matched?.storedDType ?? dtype }
  /// Whether its elements are read as Float32, whatever they lie there as.
  package var isNumbers: Bool { packed != nil || matched != nil }
  /// Whether its elements lie one after the other in the file, of the source's type.
  package var isPlain: Bool { view == nil && !isNumbers }
  /// Whether its elements do not lie there as they are read, one after the other.
  var isStrided: Bool { !isPlain || computed != nil }

  /// The bytes that reading so many elements takes.
  package func byteCount(ofElements count: Int) -> Int {
    guard isStored else { return 0 }
    return packed?.byteCount(ofElements: count) ?? matched?.own.byteCount(ofElements: count)
      ?? count * (dtype.byteCount ?? 1)
  }

  /// Where elements of a plain source lie in its file.
  ///
  /// - Parameter elements: The elements, from the tensor's first on.
  /// - Returns: The bytes in the file.
  package func byteRange(ofElements elements: Range<Int>) -> Range<Int> {
    let (start, width) = (byteRange.lowerBound, dtype.byteCount ?? 1)
    return (start + elements.lowerBound * width)..<(start + elements.upperBound * width)
  }

  /// Deltas that are computed, and added to the base: nothing is read for them but factors.
  ///
  /// - Parameter ordinal: The number of the deltas.
  package init(computed ordinal: Int) {
    self.init(file: 0, dtype: .f32, byteRange: 0..<0, computed: ordinal)
  }

  /// Whether weights are read.
  package var isStored: Bool { computed == nil || !byteRange.isEmpty }

  /// The type that says how many different deltas there may be.
  package var deltaDType: DType { computed == nil ? dtype : .f32 }
}
