/// Finds the value that would stand at a position if numbers were sorted, without sorting them.
enum Selection {
  /// Reorders the numbers.
  ///
  /// - Parameters:
  ///   - position: The position in ascending order, from 0.
  ///   - values: The numbers, none of them NaN.
  /// - Returns: The value.
  static func value(at position: Int, of values: UnsafeMutableBufferPointer<Double>) -> Double {
    var (low, high) = (0, values.count - 1)
    while low < high {
      let pivot = unsafe middle(values[low], values[low + (high - low) / 2], values[high])
      var (left, right) = (low, high)
      while left <= right {
        while unsafe values[left] < pivot { left += 1 }
        while unsafe values[right] > pivot { right -= 1 }
        if left <= right {
          unsafe values.swapAt(left, right)
          left += 1
          right -= 1
        }
      }
      if position <= right {
        high = right
      } else if position >= left {
        low = left
      } else {
        return pivot
      }
    }
    return unsafe values[position]
  }

  private static func middle(_ a: Double, _ b: Double, _ c: Double) -> Double {
    max(min(a, b), min(max(a, b), c))
  }
}
