package import SluiceCore

/// How elements lie in a file that are not one after the other: a transposed matrix, a column, rows
/// of which some are left out, a row used many times.
///
/// The element at `(i, j, ...)` lies `i * strides[0] + j * strides[1] + ...` elements after the
/// first; no stride is negative, so none lies before it.
///
/// A class, since few tensors have one and all have room for it.
package final class StridedView: Sendable {
  /// The extents, outermost first; none is 1, and there are at least as few as the shape has.
  package let extents: [Int]
  /// The distance between neighbours in each dimension, in elements; 0 repeats an element.
  package let strides: [Int]

  /// Describes a view, or gives nil where the elements are one after the other after all.
  ///
  /// - Parameters:
  ///   - shape: The shape of the tensor.
  ///   - strides: One for each dimension, not negative.
  package init?(_ shape: TensorShape, strides: [Int]) {
    precondition(strides.count == shape.rank)
    guard shape.elementCount > 0 else { return nil }
    var extents: [Int] = []
    var distances: [Int] = []
    for (extent, stride) in zip(shape.dimensions, strides) where extent > 1 {
      // Rows that follow each other without a gap are one long row. The products fit: they are
      // spans inside a file, or wrap to what they are compared with in no other case.
      if let outer = distances.last, let count = extents.last, outer == stride &* extent {
        extents[extents.count - 1] = count * extent
        distances[distances.count - 1] = stride
      } else {
        extents.append(extent)
        distances.append(stride)
      }
    }
    guard distances != [1], !extents.isEmpty else { return nil }
    self.extents = extents
    self.strides = distances
  }

  /// Where an element lies, in elements after the first.
  ///
  /// - Parameter element: Its position in the order of the tensor.
  /// - Returns: The distance from the view's first element in the file.
  package func offset(of element: Int) -> Int {
    var (rest, offset) = (element, 0)
    for (extent, stride) in zip(extents, strides).reversed() {
      offset += rest % extent * stride
      rest /= extent
    }
    return offset
  }

  /// The number of elements from the first to the last, both included.
  ///
  /// - Parameters:
  ///   - shape: The shape of the tensor.
  ///   - strides: One for each dimension, not negative.
  /// - Returns: The number, or nil if it does not fit an `Int`.
  static func span(of shape: TensorShape, strides: [Int]) -> Int? {
    guard shape.elementCount > 0 else { return 0 }
    var last = 0
    for (extent, stride) in zip(shape.dimensions, strides) {
      guard let distance = (extent - 1).multipliedWithoutOverflow(by: stride),
        let sum = last.addingWithoutOverflow(distance)
      else { return nil }
      last = sum
    }
    return last.addingWithoutOverflow(1)
  }
}

extension StridedView: Hashable {
  package static func == (a: StridedView, b: StridedView) -> Bool {
    a === b || (a.extents, a.strides) == (b.extents, b.strides)
  }

  package func hash(into hasher: inout Hasher) {
    hasher.combine(extents)
    hasher.combine(strides)
  }
}
