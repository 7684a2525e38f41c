import ArgumentParser

/// A number of bytes as people write it: 512MiB, 2GB, 4096.
struct ByteSize: ExpressibleByArgument, Hashable, Sendable {
  let bytes: Int
  /// As it was written, to hand on to sluice.
  let text: String

  /// A number of MiB.
  init(mebibytes: Int) {
    bytes = mebibytes << 20
    text = "\(mebibytes)MiB"
  }

  /// A number of GB.
  init(gigabytes: Int) {
    bytes = gigabytes * 1_000_000_000
    text = "\(gigabytes)GB"
  }

  init?(argument: String) {
    let digits = argument.prefix { $0.isASCII && ($0.isNumber || $0 == ".") }
    let units: [String: Double] = [
      "": 1, "B": 1, "KB": 1e3, "MB": 1e6, "GB": 1e9, "KiB": 0x1p10, "MiB": 0x1p20, "GiB": 0x1p30,
    ]
    guard let number = Double(digits), let unit = units[String(argument.dropFirst(digits.count))],
      number >= 0, number * unit < 0x1p62
    else { return nil }
    bytes = Int(number * unit)
    text = argument
  }
}
