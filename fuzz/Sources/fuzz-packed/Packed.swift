import FuzzSupport
@testable import SluiceArchitecture
@testable import SluiceCore
@testable import SluiceFormats
@testable import SluiceStages

/// A config and the weights that it says are packed: what is accepted can be read, all of it, and every
/// layer of every stack.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzPacked(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
  attempt(start, count) { bytes in
    guard let end = bytes.firstIndex(of: 0) else { return }
    let directory = directoryInMemory.value
    directory.fill("config.json", UnsafeRawBufferPointer(rebasing: bytes[..<end]))
    directory.fill("model.safetensors", UnsafeRawBufferPointer(rebasing: bytes[(end + 1)...]))
    let checkpoint = try Checkpoint.open(directory.path)
    let catalog = try ModelCatalog(checkpoint)
    let reader = NumberReader(checkpoint.files.map(\.input))
    var budget = 1 << 18
    for name in catalog.layerNames {
      guard let tensor = catalog[name] else { fatalError("\(name) is listed and not found") }
      let (entry, elements) = (tensor.entry, tensor.entry.shape.elementCount)
      guard elements > 0, entry.packed != nil || entry.dtype.isMergeable, elements <= budget
      else { continue }
      budget -= elements
      let source = TensorSource(
        file: tensor.fileOrdinal, dtype: entry.dtype, byteRange: entry.byteRange,
        view: entry.view, packed: entry.packed)
      var (whole, part) = ([Float](repeating: 0, count: elements), [Float]())
      let run = elements / 3..<max(elements / 3 + 1, elements / 2)
      part = [Float](repeating: 0, count: run.count)
      do {
        try whole.withUnsafeMutableBufferPointer {
          guard let start = $0.baseAddress else { return }
          try reader.read(0..<elements, of: source, into: start)
        }
        try part.withUnsafeMutableBufferPointer {
          guard let start = $0.baseAddress else { return }
          try reader.read(run, of: source, into: start)
        }
      } catch { fatalError("\(name): \(error)") }
      precondition(whole[run].map(\.bitPattern) == part.map(\.bitPattern), "\(name) \(run)")
    }
  }
}

private let directoryInMemory = Confined(MemoryDirectory())
