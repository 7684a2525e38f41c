internal import Glibc
internal import SluiceFormats

/// The threads that a library starts before the program begins.
enum LibraryThreads {
  private static let variable = "OPENBLAS_NUM_THREADS"

  /// Starts the program again without the threads of OpenBLAS, where addresses or memory are limited.
  ///
  /// OpenBLAS starts threads when it is loaded. Where they find no addresses for their memory (`ulimit -v`) they try forever, and a
  /// process that forks or ends waits for them. sluice calls the library on threads of its own, so it needs none, whatever
  /// the environment asks for; what is started again is the same process.
  static func avoidWhereLimited() {
    // SAFETY: the environment's own text, read at once.
    let asked = unsafe getenv(variable).map { unsafe String(cString: $0) }
    guard ProcessMemory.isLimited, asked != "1" else { return }
    unsafe setenv(variable, "1", 1)
    // SAFETY: the arguments are those that the system gave, with a null at their end. Where it fails, all stays as it was.
    unsafe execv("/proc/self/exe", CommandLine.unsafeArgv)
  }
}
