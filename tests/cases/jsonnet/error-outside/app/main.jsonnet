importstr '../../../etc/hostname'
