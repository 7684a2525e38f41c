import Glibc
public import Platform

/// What the numbers were measured on.
public struct Machine: Sendable {
  /// The path of the running program: a shell that starts it again is another one.
  /// - Returns: the path.
  /// - Throws: `BenchFailure` when the system does not tell.
  public static func ownProgram() throws -> String {
    guard let path = realpath("/proc/self/exe", nil) else {
      throw BenchFailure.system("realpath", "/proc/self/exe")
    }
    defer { free(path) }
    return String(cString: path)
  }

  /// The processor's name.
  public let processor: String
  /// Processors that are online.
  public let cores: Int
  /// Memory in bytes.
  public let memory: Int
  /// The kernel's release.
  public let kernel: String
  /// The load of the last minute when the measuring began: other work shows in the numbers.
  public let load: Double

  /// Looks at this machine.
  public init() {
    func line(of path: String, after key: String) -> String? {
      let text = String(decoding: (try? File.contents(of: path)) ?? [], as: UTF8.self)
      guard let line = text.split(separator: "\n").first(where: { $0.hasPrefix(key) }) else {
        return nil
      }
      return String(line.drop { $0 != ":" }.dropFirst().drop { $0 == " " })
    }
    processor = line(of: "/proc/cpuinfo", after: "model name") ?? "unknown"
    cores = max(1, sysconf(CInt(_SC_NPROCESSORS_ONLN)))
    memory = sysconf(CInt(_SC_PHYS_PAGES)) * sysconf(CInt(_SC_PAGESIZE))
    let release = (try? File.contents(of: "/proc/sys/kernel/osrelease")) ?? []
    kernel = String(decoding: release.filter { $0 > 0x20 }, as: UTF8.self)
    let loads = String(decoding: (try? File.contents(of: "/proc/loadavg")) ?? [], as: UTF8.self)
    load = loads.split(separator: " ").first.flatMap { Double($0) } ?? 0
  }

  /// Whether the processor has an instruction set.
  /// - Parameter level: as `sluice merge --vector-level` calls it.
  /// - Returns: true for the baseline everywhere.
  public static func supports(vectorLevel level: String) -> Bool {
    let text = String(decoding: (try? File.contents(of: "/proc/cpuinfo")) ?? [], as: UTF8.self)
    let line = text.split(separator: "\n").first { $0.hasPrefix("flags") } ?? ""
    let flags = line.split(separator: " ")
    switch level {
    case "avx2": return flags.contains("avx2")
    case "avx512": return flags.contains("avx512bw") && flags.contains("avx512vl")
    case "avx512-vbmi2":
      return flags.contains("avx512bw") && flags.contains("avx512vl")
        && flags.contains("avx512_vbmi2")
    default: return level == "baseline"
    }
  }

  /// One line for people.
  public var summary: String {
    "\(processor), \(cores) cores, \((Double(memory) / 0x1p30).fixed(1)) GiB, Linux \(kernel), "
      + "load \(load.fixed(2)) at the start"
  }

  /// For the record of a measurement.
  public var json: JSON {
    .object([
      JSON.Member("processor", .string(processor)), JSON.Member("cores", .integer(cores)),
      JSON.Member("memory", .integer(memory)), JSON.Member("kernel", .string(kernel)),
      JSON.Member("loadAtStart", .number(load)),
    ])
  }
}
