internal import SluiceCore

/// The entries of a ZIP archive as PyTorch names them: `root/data.pkl`, `root/byteorder`,
/// `root/data/KEY`.
struct TorchArchive {
  /// The path of the file, for messages.
  let path: String
  /// Where in the file the pickle is.
  let pickle: Range<Int>

  private let root: String
  private let entries: [String: Range<Int>]

  /// Finds the parts of the archive.
  ///
  /// - Parameters:
  ///   - archive: The archive.
  ///   - input: Its file.
  /// - Throws: If parts are missing or are for another machine or another purpose.
  init(_ archive: ZipArchive, _ input: InputFile) throws(FormatError) {
    path = input.path
    entries = archive.entries
    let roots = entries.keys.filter { $0.hasSuffix("/data.pkl") }.map { $0.dropLast(9) }
    guard roots.count == 1, let root = roots.first, !root.contains("/"),
      let pickle = entries["\(root)/data.pkl"]
    else {
      throw .malformed(
        "a ZIP archive, but none that PyTorch wrote: \(roots.count) entries named data.pkl",
        file: path, remedy: "is this a checkpoint?")
    }
    self.root = "\(root)/"
    self.pickle = pickle
    // Compared by bytes: names that only look alike are different names.
    for name in entries.keys where !name.utf8.starts(with: self.root.utf8) {
      throw .malformed(
        "ZIP entry \(name.printable): not under \(self.root.printable) as all others", file: path)
    }
    guard entries["\(root)/constants.pkl"] == nil else {
      throw .malformed(
        "a TorchScript program, not a checkpoint", file: path, remedy: TorchAdvice.conversion)
    }
    try checkByteOrder(input)
  }

  private func checkByteOrder(_ input: InputFile) throws(FormatError) {
    // Versions before 2.1 did not say it; they were little endian on every machine in use.
    guard let range = entries["\(root)byteorder"] else { return }
    let text = String(decoding: try input.bytes(in: range.prefix(16)), as: UTF8.self)
    guard text == "little" else {
      throw .malformed(
        "the numbers have byte order \"\(text.printable)\", expected \"little\"", file: path,
        byteRange: range, remedy: TorchAdvice.conversion)
    }
  }

  /// Checks a tensor against its storage, and the storage against the archive.
  func entry(
    named name: String, _ view: TorchTensor, storage: TorchStorage
  ) throws(FormatError) -> TensorEntry {
    func refuse(_ message: String, _ byteRange: Range<Int>? = nil) -> FormatError {
      .malformed(
        message, file: path, tensor: name, byteRange: byteRange,
        remedy: "the file is broken; download or save it again")
    }
    let key = storage.key.printable
    guard let data = entries["\(root)data/\(storage.key)"] else {
      throw refuse("there is no storage \(key) in the archive")
    }
    guard let width = view.dtype.byteCount,
      let byteCount = (storage.dtype ?? .u8).byteCount(ofElements: storage.count)
    else { throw refuse("storage \(key) of \(storage.count) elements is too large") }
    guard byteCount == data.count else {
      throw refuse("storage \(key) has \(data.count) bytes, expected \(byteCount)", data)
    }
    guard let shape = TensorShape(view.extents) else {
      throw refuse("a shape with a negative extent or too many elements: \(view.extents)")
    }
    guard view.dtype.byteCount(ofElements: shape.elementCount) != nil else {
      throw refuse("\(shape) of \(view.dtype) takes too many bytes")
    }
    guard view.strides.count == shape.rank, view.strides.allSatisfy({ $0 >= 0 }), view.offset >= 0
    else {
      throw refuse("strides \(view.strides) from element \(view.offset) on do not fit \(shape)")
    }
    guard let span = StridedView.span(of: shape, strides: view.strides),
      let end = span.addingWithoutOverflow(view.offset), end <= data.count / width
    else {
      throw refuse(
        "\(shape) with strides \(view.strides) from element \(view.offset) on reaches beyond its "
          + "storage of \(data.count / width) elements", data)
    }
    let start = data.lowerBound + view.offset * width
    return TensorEntry(
      name: name, dtype: view.dtype, shape: shape, byteRange: start..<start + span * width,
      view: StridedView(shape, strides: view.strides))
  }
}

extension Int {
  /// The sum, or nil if it does not fit.
  func addingWithoutOverflow(_ other: Int) -> Int? {
    let (sum, overflow) = addingReportingOverflow(other)
    return overflow ? nil : sum
  }

  /// The product, or nil if it does not fit.
  func multipliedWithoutOverflow(by other: Int) -> Int? {
    let (product, overflow) = multipliedReportingOverflow(by: other)
    return overflow ? nil : product
  }
}
