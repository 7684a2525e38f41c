internal import SluiceCore

/// One pass over the JSON text of a header, then the rules that need all tensors.
struct SafetensorsHeaderParser {
  private var scanner: JSONScanner
  private let file: String
  private let dataOffset: Int
  private let dataByteCount: Int
  private var tensors: [TensorEntry] = []
  private var metadata: [String: String] = [:]
  private var dimensionCount = 0
  /// The type and the shapes that were found last: of ten thousands of tensors most have one of them.
  private var lastDType: (spelling: String, dtype: DType)?
  private var lastShapes: [TensorShape] = []
  private var nextShape = 0
  /// The dimensions of the shape that is read.
  private var dimensions: [Int] = []

  private static let mostLastShapes = 8

  private static let dtypes = Dictionary(
    uniqueKeysWithValues: DType.allCases.map { ($0.rawValue, $0) })

  init(scanner: JSONScanner, file: String, dataOffset: Int, dataByteCount: Int) {
    self.scanner = scanner
    self.file = file
    self.dataOffset = dataOffset
    self.dataByteCount = dataByteCount
  }

  mutating func parse() throws(FormatError) -> SafetensorsHeader {
    var hasMetadata = false
    try scanner.beginObject()
    while let key = try scanner.nextKey() {
      if scanner.text(key, equals: "__metadata__") {
        if hasMetadata { throw malformed("__metadata__ occurs twice") }
        hasMetadata = true
        try parseMetadata()
      } else {
        guard tensors.count < Checkpoint.maximumTensorCount else {
          throw Checkpoint.tooManyTensors(in: file)
        }
        tensors.append(try parseTensor(named: scanner.string(of: key)))
      }
    }
    try scanner.end()
    try checkNames()
    try checkLayout()
    return SafetensorsHeader(byteCount: dataOffset, tensors: tensors, metadata: metadata)
  }

  private mutating func parseMetadata() throws(FormatError) {
    guard try scanner.kind() != .null else { return try scanner.null() }
    try scanner.beginObject()
    var byteCount = 0
    while let key = try scanner.nextKey() {
      guard try scanner.kind() == .string else {
        throw malformed(
          "the value of \(scanner.string(of: key).printable) in __metadata__ is no string")
      }
      let (name, value) = (scanner.string(of: key), try scanner.string())
      // Nothing here decides a merge, so what is beyond any use is checked but not kept.
      byteCount += name.utf8.count + value.utf8.count + 64
      if byteCount <= SafetensorsHeader.keptMetadataByteCount { metadata[name] = value }
    }
  }

  private mutating func parseTensor(named name: String) throws(FormatError) -> TensorEntry {
    var dtype: DType?
    var (hasShape, shape): (Bool, TensorShape?) = (false, nil)
    var offsets: (start: Int, end: Int)?
    try scanner.beginObject()
    while let key = try scanner.nextKey() {
      if scanner.text(key, equals: "dtype") {
        guard dtype == nil else { throw malformed("dtype occurs twice", tensor: name) }
        dtype = try parseDType(of: name)
      } else if scanner.text(key, equals: "shape") {
        guard !hasShape else { throw malformed("shape occurs twice", tensor: name) }
        (hasShape, shape) = (true, try parseShape(of: name))
      } else if scanner.text(key, equals: "data_offsets") {
        guard offsets == nil else { throw malformed("data_offsets occurs twice", tensor: name) }
        offsets = try parseOffsets(of: name)
      } else {
        try scanner.skipValue()
      }
    }
    guard let dtype else { throw malformed("no dtype", tensor: name) }
    guard hasShape else { throw malformed("no shape", tensor: name) }
    guard let offsets else { throw malformed("no data_offsets", tensor: name) }
    guard let shape else {
      throw malformed(
        "a shape of more than \(Int.max) elements: \(Array(dimensions.prefix(64)))", tensor: name)
    }
    return try entry(name, dtype, shape, offsets.start, offsets.end)
  }

  private mutating func parseDType(of name: String) throws(FormatError) -> DType {
    let text = try scanner.text()
    if let lastDType, scanner.text(text, hasBytesOf: lastDType.spelling) { return lastDType.dtype }
    let spelling = scanner.string(of: text)
    guard let dtype = SafetensorsHeaderParser.dtypes[spelling] else {
      throw malformed("unknown dtype \(spelling.printable)", tensor: name)
    }
    lastDType = (spelling, dtype)
    return dtype
  }

  /// Reads a shape, which stays in `dimensions`; nil if it has more elements than an `Int` counts.
  private mutating func parseShape(of name: String) throws(FormatError) -> TensorShape? {
    dimensions.removeAll(keepingCapacity: true)
    try scanner.beginArray()
    while try scanner.nextElement() {
      dimensions.append(try parseInteger(of: name))
      dimensionCount += 1
      guard dimensions.count <= SafetensorsHeader.maximumRank,
        dimensionCount <= SafetensorsHeader.maximumDimensionCount
      else { throw malformed("more dimensions than any model has", tensor: name) }
    }
    if let known = lastShapes.first(where: { $0.dimensions == dimensions }) { return known }
    guard let shape = TensorShape(dimensions) else { return nil }
    if lastShapes.count < SafetensorsHeaderParser.mostLastShapes {
      lastShapes.append(shape)
    } else {
      lastShapes[nextShape] = shape
      nextShape = (nextShape + 1) % lastShapes.count
    }
    return shape
  }

  private mutating func parseOffsets(
    of name: String
  ) throws(FormatError) -> (start: Int, end: Int) {
    var offsets = (start: 0, end: 0)
    var count = 0
    try scanner.beginArray()
    while try scanner.nextElement() {
      offsets = (offsets.end, try parseInteger(of: name))
      count += 1
    }
    guard count == 2 else {
      throw malformed("expected 2 data_offsets, found \(count)", tensor: name)
    }
    return offsets
  }

  private mutating func parseInteger(of name: String) throws(FormatError) -> Int {
    guard let value = Int(exactly: try scanner.unsignedInteger()) else {
      throw malformed("a number above \(Int.max)", tensor: name)
    }
    return value
  }

  /// Checks what one entry says about itself: its length is that of its elements, inside the file.
  private func entry(
    _ name: String, _ dtype: DType, _ shape: TensorShape, _ start: Int, _ end: Int
  ) throws(FormatError) -> TensorEntry {
    guard let expected = dtype.byteCount(ofElements: shape.elementCount) else {
      throw malformed(
        "\(shape) of \(dtype) takes no whole number of bytes, or too many", tensor: name)
    }
    guard start <= end else {
      throw malformed("data_offsets [\(start), \(end)] run backwards", tensor: name)
    }
    guard end - start == expected else {
      throw malformed(
        "\(shape) of \(dtype) takes \(expected) bytes; data_offsets [\(start), \(end)] are \(end - start)",
        tensor: name)
    }
    guard end <= dataByteCount else {
      throw .malformed(
        "data_offsets [\(start), \(end)] in a file with \(dataByteCount) bytes of data", file: file,
        tensor: name, remedy: "the file is cut short; download or save it again")
    }
    return TensorEntry(
      name: name, dtype: dtype, shape: shape, byteRange: dataOffset + start..<dataOffset + end)
  }

  /// Sorts by position and checks that the tensors fill the data without holes or overlaps.
  private mutating func checkLayout() throws(FormatError) {
    if !tensors.indices.dropFirst().allSatisfy({ !precedes(tensors[$0], tensors[$0 - 1]) }) {
      tensors.sort(by: precedes)
    }
    var end = dataOffset
    for tensor in tensors {
      guard tensor.byteRange.lowerBound == end else {
        throw .malformed(
          tensor.byteRange.lowerBound > end
            ? "a hole before the tensor: expected it at byte \(end)"
            : "the tensor overlaps the one before it, which ends at byte \(end)",
          file: file, tensor: tensor.name, byteRange: tensor.byteRange)
      }
      end = tensor.byteRange.upperBound
    }
    guard end == dataOffset + dataByteCount else {
      throw .malformed(
        "the tensors end at byte \(end), the file at \(dataOffset + dataByteCount)", file: file,
        byteRange: end..<dataOffset + dataByteCount)
    }
  }

  private func precedes(_ a: TensorEntry, _ b: TensorEntry) -> Bool {
    (a.byteRange.lowerBound, a.byteRange.upperBound)
      < (b.byteRange.lowerBound, b.byteRange.upperBound)
  }

  private func checkNames() throws(FormatError) {
    // Names in order, as most files have them, are different ones.
    let areInOrder = tensors.indices.dropFirst().allSatisfy {
      tensors[$0 - 1].name < tensors[$0].name
    }
    guard !areInOrder else { return }
    var names = Set<String>(minimumCapacity: tensors.count)
    for tensor in tensors where !names.insert(tensor.name).inserted {
      throw malformed("the tensor's name occurs twice", tensor: tensor.name)
    }
  }

  private func malformed(_ message: String, tensor: String? = nil) -> FormatError {
    .malformed(message, file: file, tensor: tensor)
  }
}
