module livesync.example

go 1.19
