package import SluiceCore
package import SluiceFormats

/// Something that an adapter adds to a tensor of the base.
package struct DeltaTerm: Sendable {
  /// What it is made of.
  package enum Content: Sendable {
    /// scale * left * right, for one matrix behind the other.
    case product(Product)
    /// A vector for the whole tensor.
    case vector(FactorMatrix)
    /// Rows that take the place of the base's: by row, the position among the adapter's.
    case rows([Int: Int], FactorMatrix)
    /// The whole tensor takes the place of the base's.
    case whole(FactorMatrix)
  }

  /// The product of two factors.
  package struct Product: Sendable {
    var left: FactorMatrix
    var right: FactorMatrix
    /// How many matrices follow each other in the tensor.
    var expertCount = 1
    /// The lengths of directions (DoRA), and whether they are those of columns.
    var magnitude: FactorMatrix?
    var hasColumnMagnitudes = false

    var rank: Int { right.rowCount }
    /// The rows of one matrix.
    var rowCount: Int { left.rowCount }
    var columnCount: Int { right.columnCount }
  }

  /// What it is made of.
  package var content: Content
  /// What it is multiplied by: alpha / rank and the like.
  package var scale: Double
  /// What the finished delta is multiplied by: the user's wish.
  package var strength: Double = 1
  /// Whether a product and its sum are rounded once, together, as the library does that PEFT calls.
  package var isFused = false
  /// The types that the product is rounded to, one after the other.
  package var roundings: [DType] = []
  /// The file of the factors.
  package var file: InputFile

  /// The part of a stack's term that belongs to some outputs of one matrix, as outputs x inputs where the
  /// stack has inputs x outputs.
  ///
  /// - Parameters:
  ///   - matrix: The position of the matrix.
  ///   - first: The first output.
  ///   - count: How many outputs.
  ///   - step: From one to the next.
  /// - Returns: The term; nil of what is no plain product.
  package func layer(matrix: Int, first: Int, count: Int, step: Int) -> DeltaTerm? {
    guard let product, product.magnitude == nil else { return nil }
    var (inputs, outputs) = (product.left, product.right.transposed)
    inputs.offset += matrix * product.left.expertStride
    outputs.offset += matrix * product.right.expertStride + first * outputs.rowStride
    outputs.rowStride *= step
    outputs.rowCount = count
    var term = self
    term.content = .product(Product(left: outputs, right: inputs.transposed))
    return term
  }

  var product: Product? { if case .product(let product) = content { product } else { nil } }
}
